using System.Reflection;
using Microsoft.AspNetCore.Http;

namespace MnistCnn.Web;

/// <summary>The files of the page, which are within the program.</summary>
internal sealed record PageFile(byte[] Contents, string Type)
{
    private const string Prefix = "page/";
    private const string Start = "index.html";

    /// <summary>All of them, by path.</summary>
    public static IReadOnlyDictionary<string, PageFile> All { get; } = Read();

    /// <summary>What is answered.</summary>
    public IResult Result => Results.Bytes(Contents, Type);

    private static Dictionary<string, PageFile> Read()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(name => name[Prefix.Length..])
            .ToDictionary(name => name == Start ? "/" : $"/{name}", name =>
            {
                using var stream = assembly.GetManifestResourceStream(Prefix + name)!;
                var contents = new byte[stream.Length];
                stream.ReadExactly(contents);
                return new PageFile(contents, TypeOf(Path.GetExtension(name)));
            });
    }

    private static string TypeOf(string ending) => ending switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => "application/octet-stream",
    };
}
