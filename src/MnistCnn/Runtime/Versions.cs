using System.Reflection;
using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

internal static class Versions
{
    public static string Program { get; } = Read(typeof(Versions));

    public static IReadOnlyDictionary<string, string> All => new Dictionary<string, string>
    {
        ["mnist_cnn"] = Program,
        ["torchsharp"] = Read(typeof(torch)),
        ["libtorch"] = torch.__version__,
        ["dotnet"] = Environment.Version.ToString(),
        ["os"] = $"{RuntimeInformation.OSDescription} {RuntimeInformation.OSArchitecture}",
    };

    // Without the commit after the plus sign.
    private static string Read(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";
}
