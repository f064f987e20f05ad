using System.Text.Json;
using Jint;
using MnistCnn.Files;

namespace MnistCnn.Tests.Web;

/// <summary>A module of the page that does not use the DOM, in a JavaScript engine.</summary>
internal sealed class PageModule : IDisposable
{
    public static readonly string Folder = Path.Combine(RepositoryRoot.FullPath, "src", "MnistCnn", "Web", "Page");

    // Parts of a browser that the modules use.
    private const string Browser =
        """
        globalThis.TextDecoder = class {
          decode(bytes) { return decodeURIComponent(escape(String.fromCharCode(...bytes))); }
        };
        globalThis.AbortController = class {
          signal = { aborted: false };
          abort() { this.signal.aborted = true; }
        };
        globalThis.localStorage = { getItem: () => null, setItem: () => {} };
        globalThis.navigator ??= { languages: ['zh-CN', 'en-US'] };
        """;

    private readonly Engine engine = new(options => options.EnableModules(Folder));

    /// <summary>Imports the module. Scripts refer to it as <c>page</c>.</summary>
    public PageModule(string name)
    {
        engine.Execute(Browser);
        engine.SetValue("page", engine.Modules.Import($"./{name}"));
    }

    public void Dispose() => engine.Dispose();

    /// <summary>Defines a global variable.</summary>
    public PageModule With(string name, object? value)
    {
        engine.Execute($"globalThis.{name} = {JsonSerializer.Serialize(value, JsonFormat.Line)};");
        return this;
    }

    /// <summary>Evaluates an expression, and then all promises that it has resolved.</summary>
    public T Evaluate<T>(string expression) =>
        JsonSerializer.Deserialize<T>(engine.Evaluate($"JSON.stringify({expression}) ?? 'null'").AsString(), JsonFormat.Line)!;
}
