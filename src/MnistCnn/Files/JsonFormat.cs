using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace MnistCnn.Files;

/// <summary>How this program writes JSON: names in snake_case.</summary>
internal static class JsonFormat
{
    /// <summary>For files and documents that people read too.</summary>
    public static JsonSerializerOptions Indented { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>For one document a line.</summary>
    public static JsonSerializerOptions Line { get; } = new(Indented) { WriteIndented = false };

    // A field that a document must have is a parameter without a default; null is a value only where the type says so.
    private static readonly JsonSerializerOptions Strict = new(Indented)
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Reads a document.</summary>
    /// <param name="json">The document.</param>
    /// <param name="source">What to call it in a message.</param>
    /// <exception cref="InvalidDataException">It is not such a document.</exception>
    public static T Parse<T>(string json, string source)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, Strict) ?? throw new JsonException("it is null");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{source} is damaged, or not such a file of a run: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    /// <summary>What differs between two documents of one kind, in words: a text for each value.</summary>
    /// <param name="saved">The one.</param>
    /// <param name="now">The other.</param>
    /// <param name="inWords">The text, with name {0}, value of the one {1} and of the other {2}.</param>
    public static string[] Differences<T>(T saved, T now, string inWords = "{0} was {1}, now {2}")
    {
        var (before, after) = (Flatten(JsonSerializer.SerializeToElement(saved, Line)), Flatten(JsonSerializer.SerializeToElement(now, Line)));
        return
        [
            .. before.Keys.Union(after.Keys)
                .Select(name => (Name: name, Before: before.GetValueOrDefault(name, "nothing"), After: after.GetValueOrDefault(name, "nothing")))
                .Where(value => value.Before != value.After)
                .Select(value => string.Format(CultureInfo.InvariantCulture, inWords, value.Name, value.Before, value.After)),
        ];

        static Dictionary<string, string> Flatten(JsonElement element) => element.EnumerateObject()
            .SelectMany(property => property.Value.ValueKind == JsonValueKind.Object
                ? Flatten(property.Value)
                : new Dictionary<string, string> { [property.Name] = property.Value.GetRawText() })
            .ToDictionary();
    }
}
