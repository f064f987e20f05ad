using System.Reflection;
using System.Text.RegularExpressions;
using MnistCnn.Networks;
using MnistCnn.OnnxExport;
using Mono.Cecil;
using Mono.Cecil.Rocks;
using NetArchTest.Rules;

namespace MnistCnn.Tests;

/// <summary>The folders of src/MnistCnn and the library src/MnistCnn.OnnxExport, and the folders that each may use.</summary>
public sealed partial class LayeringTests
{
    internal static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Runtime"] = [],
        ["Files"] = ["Runtime"],
        ["OnnxExport"] = [],
        ["Networks"] = ["OnnxExport"],
        ["Charts"] = [],
        ["Data"] = ["Files", "Runtime"],
        ["Inspection"] = ["Networks", "OnnxExport", "Runtime"],
        ["Training"] = ["Networks", "Data", "Runtime"],
        ["Runs"] = ["Training", "Networks", "Data", "Files", "Runtime"],
        ["Export"] = ["Runs", "Networks", "Data", "OnnxExport", "Runtime"],
        ["Jobs"] = ["Runs", "Training", "Networks", "Data", "Files", "Runtime"],
        ["Experiments"] = ["Jobs", "Charts", "Runs", "Training", "Inspection", "Networks", "Data", "Files", "Runtime"],
        ["Sweeps"] = ["Jobs", "Charts", "Runs", "Training", "Networks", "Data", "Files", "Runtime"],
        ["Reporting"] =
        [
            "Sweeps", "Experiments", "Jobs", "Charts", "Runs", "Training", "Inspection", "Networks", "Data", "Files", "Runtime",
        ],
        ["Web"] = ["Runs", "Training", "Inspection", "Networks", "OnnxExport", "Data", "Files", "Runtime"],
        ["Commands"] =
        [
            "Web", "Reporting", "Sweeps", "Experiments", "Jobs", "Charts", "Runs", "Training", "Inspection", "Export", "Networks", "Data",
            "Files", "Runtime",
        ],
    };

    private static readonly Assembly[] Assemblies = [typeof(Architecture).Assembly, typeof(OnnxExporter).Assembly];

    public static TheoryData<string> Folders => [.. Allowed.Keys];

    [Fact]
    public void Every_type_is_in_a_known_folder()
    {
        var folders = Assemblies.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type.Namespace?.StartsWith(nameof(MnistCnn), StringComparison.Ordinal) == true)
            .Select(type => type.Namespace![nameof(MnistCnn).Length..].TrimStart('.').Split('.')[0]).Distinct().Order();
        Assert.Equal(Allowed.Keys.Order(), folders);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_uses_only_the_folders_below_it(string folder)
    {
        string[] forbidden = [.. Allowed.Keys.Except(Allowed[folder]).Where(other => other != folder).Select(Namespace)];
        if (forbidden.Length == 0)
            return;
        var result = Types.InAssemblies(Assemblies)
            .That().ResideInNamespace(Namespace(folder))
            .ShouldNot().HaveDependencyOnAny(forbidden)
            .GetResult();
        Assert.True(result.IsSuccessful, string.Join(", ", (result.FailingTypes ?? []).Select(type => type.FullName)));
    }

    [Fact]
    public void The_library_for_ONNX_knows_nothing_of_the_program() =>
        Assert.Equal(
            ["Google.Protobuf", "OnnxSharp", "TorchSharp"],
            typeof(OnnxExporter).Assembly.GetReferencedAssemblies().Select(assembly => assembly.Name!)
                .Where(name => !name.StartsWith("System.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

    // Attach a Remedy to the exception instead; Commands/Failure.cs names the option.
    [Fact]
    public void Only_commands_name_options()
    {
        using var program = ModuleDefinition.ReadModule(typeof(Architecture).Assembly.Location);
        Assert.Empty(
            from type in program.GetAllTypes()
            where !IsCommandOrProgram(type)
            from method in type.Methods.Where(method => method.HasBody)
            from instruction in method.Body.Instructions
            where instruction.Operand is string text && OptionName().IsMatch(text)
            select $"{method.FullName}: {instruction.Operand}");

        // Lambdas, iterators and local functions are compiled to nested types, which have no namespace.
        static bool IsCommandOrProgram(TypeDefinition type) =>
            type.DeclaringType is { } outer
                ? IsCommandOrProgram(outer)
                : type.Namespace == Namespace("Commands") || type.FullName == "Program";
    }

    // Terminal escapes the names in a line; JSON is written by Output, a bug's stack trace by the program and the server.
    [Fact]
    public void Lines_on_the_console_are_written_by_one_class()
    {
        string[] allowed = ["Terminal.cs", "Output.cs", "Program.cs", "WorkerProcess.cs", "ErrorResponses.cs"];
        Assert.Empty(
            from path in Directory.EnumerateFiles(Path.Combine(RepositoryRoot.FullPath, "src"), "*.cs", SearchOption.AllDirectories)
            where !allowed.Contains(Path.GetFileName(path))
            from line in File.ReadLines(path).Index()
            where ConsoleWrite().IsMatch(line.Item)
            select $"{path}:{line.Index + 1}: {line.Item.Trim()}");
    }

    // Test machines have no Mac. MPS, the GPU of Apple's processors, has no float64.
    [Fact]
    public void Only_tensors_on_the_CPU_are_float64()
    {
        string[] allowed = ["Devices.cs", "SafetensorsFile.cs"]; // ToCpuFloat64, and the table of dtypes in files
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

    [GeneratedRegex(@"Console\.(Out\.|Error\.)?Write")]
    private static partial Regex ConsoleWrite();

    // Not var(--color) and --color: #fff of style sheets.
    [GeneratedRegex(@"(?<!var\()(?>--[A-Za-z][\w-]*)(?!: #)")]
    private static partial Regex OptionName();

    private static string Namespace(string folder) => $"{nameof(MnistCnn)}.{folder}";
}
