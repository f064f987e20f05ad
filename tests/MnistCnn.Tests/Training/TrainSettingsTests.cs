using System.Text.Json;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Tests.Training;

public sealed class TrainSettingsTests
{
    [Fact]
    public void An_architecture_is_written_as_its_name_and_read_back()
    {
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 3 };
        var json = JsonSerializer.Serialize(settings, JsonFormat.Line);
        Assert.Contains("\"architecture\":\"plain\"", json);
        Assert.Equal(settings, JsonFormat.Parse<TrainSettings>(json, "settings"));
    }

    [Fact]
    public void An_unknown_architecture_can_be_compared_but_not_created()
    {
        var own = new TrainSettings { Architecture = Architecture.Default with { Name = "2 plain blocks" } };
        var saved = JsonFormat.Parse<TrainSettings>(JsonSerializer.Serialize(own, JsonFormat.Line), "settings");
        Assert.Empty(JsonFormat.Differences(saved, own));
        Assert.Equal(
            [$"architecture was \"2 plain blocks\", now \"{Architecture.Default.Name}\""],
            JsonFormat.Differences(saved, new TrainSettings()));
        var error = Assert.Throws<UserException>(() => saved.Architecture.Create(NetworkShape.Mnist));
        Assert.Contains("does not know the architecture 2 plain blocks", error.Message);
    }

    [Theory]
    [InlineData("\"learning_rate\":1e999", "learning_rate")]
    [InlineData("\"architecture\":null", "architecture")]
    [InlineData("\"architecture\":7", "architecture")]
    public void Impossible_values_are_an_error_that_names_the_field(string field, string name)
    {
        var json = JsonSerializer.Serialize(new TrainSettings(), JsonFormat.Line);
        var others = json[1..^1].Split(',').Where(text => !text.StartsWith($"\"{name}\"", StringComparison.Ordinal));
        var changed = $"{{{string.Join(',', others.Append(field))}}}";
        var error = Assert.Throws<InvalidDataException>(() => JsonFormat.Parse<TrainSettings>(changed, "settings"));
        Assert.Contains(name, error.Message);
    }
}
