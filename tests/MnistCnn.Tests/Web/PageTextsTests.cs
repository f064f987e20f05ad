using System.Text.RegularExpressions;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Tests.Export;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Web;

/// <summary>The texts of the page in both languages, and their keys in its modules.</summary>
public sealed partial class PageTextsTests
{
    private static readonly Dictionary<string, string[]> Texts =
        new PageModule("texts.js").Evaluate<Dictionary<string, string[]>>("page.texts");

    private static readonly Dictionary<string, string> Sources = Directory.GetFiles(PageModule.Folder)
        .Where(path => Path.GetExtension(path) is ".js" or ".html" && Path.GetFileName(path) != "texts.js")
        .ToDictionary(path => Path.GetFileName(path), File.ReadAllText);

    [Fact]
    public void Every_text_is_in_English_and_Chinese_with_the_same_values()
    {
        Assert.All(Texts, text =>
        {
            Assert.Equal(2, text.Value.Length);
            Assert.All(text.Value, Assert.NotEmpty);
            Assert.DoesNotMatch(@"\p{IsCJKUnifiedIdeographs}", text.Value[0]);
            var values = text.Value.Select(language => Value().Matches(language).Select(value => value.Value).Order().Distinct());
            Assert.Equal(values.First(), values.Last());
        });
        Assert.Equal(
            ["equationBatchNormalization", "equationIdentity", "equationPad", "equationRelu", "kindAdd", "meanOf", "nameRelu"],
            Texts.Where(text => text.Value[0] == text.Value[1]).Select(text => text.Key).Order()); // formulas
    }

    [Fact]
    public void Every_key_in_the_modules_has_a_text()
    {
        var keys = Sources.SelectMany(source => Call().Matches(source.Value).SelectMany(call => Literal().Matches(call.Groups["key"].Value))
            .Select(literal => (source.Key, Text: literal.Groups["key"].Value))).ToArray();
        Assert.True(keys.Length > 80);
        Assert.All(keys, key => Assert.True(Texts.ContainsKey(key.Text), $"{key}"));
        var attributes = Attribute().Matches(Sources["index.html"]).Select(match => match.Groups["key"].Value).ToArray();
        Assert.NotEmpty(attributes);
        Assert.All(attributes, key => Assert.True(Texts.ContainsKey(key), key));
    }

    [Fact]
    public void Every_text_is_used()
    {
        var all = string.Join('\n', Sources.Values);
        string[] families = [.. Template().Matches(all).Select(match => match.Groups["prefix"].Value).Append("runs").Distinct()];
        Assert.All(families, family => Assert.Contains(Texts.Keys, key => key.StartsWith(family, StringComparison.Ordinal)));
        Assert.All(Texts.Keys, key => Assert.True(
            all.Contains($"'{key}'") || all.Contains($"\"{key}\"")
                || Array.Exists(families, family => key.StartsWith(family, StringComparison.Ordinal)),
            key));
    }

    [Theory]
    [InlineData("residual")]
    [InlineData("inception")]
    [InlineData("resnet20")]
    [InlineData("resnet50")]
    [InlineData("googlenet")]
    public void Every_operation_and_every_ablation_of_a_network_has_its_texts(string architecture)
    {
        using var scope = NewDisposeScope();
        using var network = RandomNetwork.Create(architecture, NetworkShape.Mnist);
        var nodes = ActivationTrace.Run(network, empty([0, 1, 28, 28]), stop: TestContext.Current.CancellationToken).Nodes;
        foreach (var operation in nodes.Select(node => $"{node.Operation}").Distinct())
        {
            Assert.Contains($"name{operation}", Texts.Keys);
            Assert.Contains($"kind{operation}", Texts.Keys);
            if (operation is not ("Conv" or "Gemm" or "Add"))
                Assert.Contains($"how{operation}", Texts.Keys);
        }

        Assert.All(Ablation.Find(network, nodes), ablation => Assert.Contains($"switch{ablation.Kind}".ToLowerInvariant(), Texts.Keys));
    }

    [Fact]
    public void Texts_are_in_the_language_of_the_browser_and_fill_in_values()
    {
        var module = new PageModule("text.js"); // the browser's languages are Chinese and English
        Assert.Equal("zh", module.Evaluate<string>("page.language()"));
        Assert.Equal("97.5%", module.Evaluate<string>("page.percent(0.975)"));
        Assert.Equal("12 个块", module.Evaluate<string>("page.text('blocks', { count: 12 })"));
        Assert.Equal("12 blocks", module.Evaluate<string>("(page.setLanguage('en'), page.text('blocks', { count: 12 }))"));
        Assert.Equal("97.5\u00a0%", module.Evaluate<string>("page.percent(0.975)"));
        Assert.Equal(
            "There is no text 'nothing'.",
            module.Evaluate<string>("(() => { try { page.text('nothing'); } catch (error) { return error.message; } })()"));
    }

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Value();

    // The first argument of a call, which may choose between keys.
    [GeneratedRegex(@"\btext\((?<key>[^`{]*?)(?:, \{|\))")]
    private static partial Regex Call();

    [GeneratedRegex(@"(?<![=!]== )'(?<key>\w+)'")]
    private static partial Regex Literal();

    [GeneratedRegex(@"\btext\(`(?<prefix>\w+)\$\{")]
    private static partial Regex Template();

    [GeneratedRegex(@"data-(?:text|label)=""(?<key>\w+)""")]
    private static partial Regex Attribute();
}
