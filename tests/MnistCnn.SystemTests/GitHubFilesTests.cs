using System.IO.Enumeration;
using System.Xml.Linq;
using MnistCnn.Tests;
using YamlDotNet.Serialization;

namespace MnistCnn.SystemTests;

/// <summary>The files in .github: issue forms and the configuration of Dependabot.</summary>
/// <remarks>Sources: GitHub's "Syntax for GitHub's form schema" and "Dependabot options reference".</remarks>
public sealed class GitHubFilesTests
{
    private static readonly string Folder = Path.Combine(RepositoryRoot.FullPath, ".github");

    [Theory]
    [InlineData("bug.yml", "doctor", "version", "command", "actual", "expected")]
    [InlineData("feature.yml", "goal")]
    public void An_issue_form_has_the_keys_that_GitHub_needs_and_asks_for_the_facts(string name, params string[] required)
    {
        var form = Read($"ISSUE_TEMPLATE/{name}");
        Assert.All(new[] { "name", "description" }, key => Assert.NotEmpty((string)form[key]));
        var questions = new List<string>();
        foreach (var element in Maps(form["body"]))
        {
            var attributes = Map(element["attributes"]);
            if ((string)element["type"] == "markdown")
            {
                Assert.NotEmpty((string)attributes["value"]);
                continue;
            }

            Assert.Contains((string)element["type"], new[] { "textarea", "input", "dropdown", "checkboxes" });
            Assert.NotEmpty((string)attributes["label"]);
            if ((string)Map(element["validations"])["required"] == "true")
                questions.Add((string)element["id"]);
        }

        Assert.Equal(required, questions);
    }

    [Fact]
    public void Blank_issues_are_off() =>
        Assert.Equal("false", Read("ISSUE_TEMPLATE/config.yml")["blank_issues_enabled"]);

    // A version of TorchSharp works with one version of libtorch, and the build changes a library of it.
    [Fact]
    public void Dependabot_updates_every_package_in_one_group_and_TorchSharp_with_libtorch()
    {
        var configuration = Read("dependabot.yml");
        Assert.Equal("2", configuration["version"]);
        var updates = Maps(configuration["updates"]).ToDictionary(update => (string)update["package-ecosystem"]);
        Assert.Equal(["github-actions", "nuget"], updates.Keys.Order());
        Assert.All(updates.Values, update => Assert.Equal("/", update["directory"]));
        Assert.All(updates.Values, update => Assert.Equal("monthly", Map(update["schedule"])["interval"]));

        var groups = Map(updates["nuget"]["groups"]).ToDictionary(group => (string)group.Key, group => Map(group.Value));
        foreach (var package in Packages())
        {
            var group = Assert.Single(groups, group => Matches(group.Value, "patterns") && !Matches(group.Value, "exclude-patterns")).Key;
            Assert.Equal(package.Version is "$(TorchSharpVersion)" or "$(LibTorchVersion)", group == "torch");
            Assert.True(group == "plots" || package.Version is not ("$(SkiaSharpVersion)" or "$(HarfBuzzSharpVersion)"), package.Name);

            bool Matches(Dictionary<object, object> group, string key) => group.TryGetValue(key, out var patterns)
                && ((List<object>)patterns).Any(pattern => FileSystemName.MatchesSimpleExpression((string)pattern, package.Name));
        }
    }

    private static (string Name, string Version)[] Packages() =>
    [
        .. from version in XDocument.Load(Path.Combine(RepositoryRoot.FullPath, "Directory.Packages.props")).Descendants("PackageVersion")
           select (version.Attribute("Include")!.Value, version.Attribute("Version")!.Value),
    ];

    private static Dictionary<object, object> Read(string name) =>
        new Deserializer().Deserialize<Dictionary<object, object>>(File.ReadAllText(Path.Combine(Folder, name)));

    private static Dictionary<object, object> Map(object value) => (Dictionary<object, object>)value;

    private static IEnumerable<Dictionary<object, object>> Maps(object list) => ((List<object>)list).Select(Map);
}
