using System.Text.RegularExpressions;
using MnistCnn.Networks;
using Mono.Cecil;
using NetArchTest.Rules;

namespace MnistCnn.Tests;

/// <summary>The rooms of the program, and which of them know which.</summary>
public sealed partial class HouseTests
{
    private static readonly Dictionary<string, string[]> Known = new()
    {
        ["Runtime"] = [],
        ["Files"] = ["Runtime"],
        ["Networks"] = [],
        ["Data"] = ["Files", "Runtime"],
        ["Inspection"] = ["Networks", "Runtime"],
        ["Export"] = ["Networks", "Data", "Files", "Runtime"],
        ["Training"] = ["Networks", "Data", "Runtime"],
        ["Runs"] = ["Training", "Networks", "Data", "Files", "Runtime"],
        ["Experiments"] = ["Runs", "Training", "Inspection", "Networks", "Data", "Files", "Runtime"],
        ["Reporting"] = ["Experiments", "Runs", "Training", "Inspection", "Networks", "Data", "Files", "Runtime"],
        ["Web"] = ["Runs", "Training", "Inspection", "Networks", "Data", "Files", "Runtime"],
        ["Commands"] = ["Web", "Reporting", "Experiments", "Runs", "Training", "Inspection", "Export", "Networks", "Data", "Files", "Runtime"],
    };

    public static TheoryData<string> Rooms => [.. Known.Keys];

    [Fact]
    public void Every_type_is_in_a_room()
    {
        var rooms = typeof(Architecture).Assembly.GetTypes()
            .Where(type => type.Namespace?.StartsWith(nameof(MnistCnn), StringComparison.Ordinal) == true)
            .Select(type => type.Namespace![nameof(MnistCnn).Length..].TrimStart('.')).Distinct().Order();
        Assert.Equal(Known.Keys.Order(), rooms);
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_knows_no_more_than_it_may(string room)
    {
        string[] forbidden = [.. Known.Keys.Except(Known[room]).Where(other => other != room).Select(Namespace)];
        if (forbidden.Length == 0)
            return;
        var result = Types.InAssembly(typeof(Architecture).Assembly)
            .That().ResideInNamespace(Namespace(room))
            .ShouldNot().HaveDependencyOnAny(forbidden)
            .GetResult();
        Assert.True(result.IsSuccessful, string.Join(", ", (result.FailingTypes ?? []).Select(type => type.FullName)));
    }

    // Tests have no Mac. MPS, the GPU of Apple's processors, has no float64, so a tensor may get that type on the CPU alone.
    [Fact]
    public void No_tensor_is_float64_but_on_the_CPU()
    {
        string[] allowed = ["Devices.cs", "SafetensorsFile.cs"]; // the first moves to the CPU before, the second names the types of files
        Assert.Empty(
            from path in Directory.EnumerateFiles(Path.Combine(RepositoryRoot.FullPath, "src"), "*.cs", SearchOption.AllDirectories)
            where !allowed.Contains(Path.GetFileName(path))
            from line in File.ReadLines(path).Index()
            where Float64().IsMatch(line.Item.Split("//")[0])
            select $"{path}:{line.Index + 1}: {line.Item.Trim()}");

        using var program = ModuleDefinition.ReadModule(typeof(Architecture).Assembly.Location);
        Assert.Empty(
            from method in program.GetMemberReferences().OfType<MethodReference>()
            where method.DeclaringType.FullName == "TorchSharp.torch" && method.Name is "tensor" or "as_tensor" or "from_array"
            where method.Parameters[0].ParameterType.FullName.Contains(typeof(double).FullName!)
            select method.FullName);
    }

    [GeneratedRegex(@"ScalarType\.(Float64|Double)|\bfloat64\b|\.@?double\(\)")]
    private static partial Regex Float64();

    private static string Namespace(string room) => $"{nameof(MnistCnn)}.{room}";
}
