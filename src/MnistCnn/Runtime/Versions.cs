using System.Reflection;
using System.Runtime.InteropServices;
using TorchSharp;

namespace MnistCnn.Runtime;

/// <summary>What a result came out of.</summary>
internal static class Versions
{
    /// <summary>The version of the program.</summary>
    public static string Program { get; } = Of(typeof(Versions));

    /// <summary>The versions of the program and of what it stands on, by name.</summary>
    public static IReadOnlyDictionary<string, string> All => new Dictionary<string, string>
    {
        ["mnist_cnn"] = Program,
        ["torchsharp"] = Of(typeof(torch)),
        ["libtorch"] = torch.__version__,
        ["dotnet"] = Environment.Version.ToString(),
        ["os"] = $"{RuntimeInformation.OSDescription} {RuntimeInformation.OSArchitecture}",
    };

    // Without the commit that stands behind a plus sign.
    private static string Of(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";
}
