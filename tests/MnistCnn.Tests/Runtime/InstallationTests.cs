using MnistCnn.Runtime;

namespace MnistCnn.Tests.Runtime;

public sealed class InstallationTests
{
    [Theory]
    [InlineData("/home/ada/.dotnet/tools/.store/mnistcnn/0.2.0/mnistcnn.linux-x64/0.2.0/tools/net10.0/linux-x64/", "global .NET tool")]
    [InlineData(@"C:\Users\Ada\.dotnet\tools\.store\mnistcnn\0.2.0\mnistcnn.win-x64\0.2.0\tools\net10.0\win-x64\", "global .NET tool")]
    [InlineData("/opt/t/.store/mnistcnn/0.2.0/mnistcnn/0.2.0/tools/net10.0/any/", ".NET tool with the tool path /opt/t")]
    [InlineData("/home/ada/.nuget/packages/mnistcnn.linux-x64/0.2.0/tools/net10.0/linux-x64", "local .NET tool, or run with dnx")]
    [InlineData("/opt/mnist-cnn", "published folder /opt/mnist-cnn")]
    [InlineData("/opt/bin/mnist-cnn", "published folder /opt/bin/mnist-cnn")]
    public void The_folder_tells_how_the_program_was_installed(string folder, string expected) =>
        Assert.Equal(expected, Installation.Describe(folder, isInContainer: false));

    [Fact]
    public void A_container_is_named()
    {
        Assert.Equal("container image", Installation.Describe("/app/", isInContainer: true));
        Assert.Equal(
            "global .NET tool, in a container",
            Installation.Describe("/root/.dotnet/tools/.store/m/1/m/1/tools/net10.0/any", isInContainer: true));
    }

    [Theory]
    [InlineData("bin/Debug/net10.0")]
    [InlineData("bin/Release/net10.0/linux-x64")]
    public void A_build_from_source_names_its_project(string output)
    {
        using var folder = new TemporaryFolder();
        var program = Directory.CreateDirectory(folder[output]).FullName;
        Assert.Equal($"published folder {program.Replace('\\', '/')}", Installation.Describe(program, isInContainer: false));
        File.WriteAllText(folder["A.csproj"], "");
        Assert.Equal($"built from source in {folder.FullPath}", Installation.Describe(program, isInContainer: false));
    }
}
