using System.Text.Encodings.Web;

namespace MnistCnn.Files;

/// <summary>JSON of this program: names in snake_case.</summary>
internal static class JsonFormat
{
    /// <summary>For files and documents that people read too.</summary>
    public static JsonSerializerOptions Indented { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>For one document per line.</summary>
    public static JsonSerializerOptions Line { get; } = new(Indented) { WriteIndented = false };

    /// <summary>For reading: constructor parameters without a default are required, and null is allowed only in nullable types.</summary>
    public static JsonSerializerOptions Strict { get; } = new(Indented)
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new FiniteNumber() },
    };

    /// <summary>Reads a document. Unknown properties are skipped.</summary>
    /// <param name="source">File name for messages.</param>
    public static T Parse<T>(string json, string source)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, Strict) ?? throw new JsonException("it is null");
        }
        catch (JsonException error)
        {
            var reason = error.Message.ReplaceLineEndings(" ");
            throw new InvalidDataException($"{source} is damaged, or not such a file of a run: {reason}", error);
        }
    }

    /// <summary>Returns one text per value that differs between two documents of the same type.</summary>
    /// <param name="format">Text with the property name as {0}, the saved value as {1} and the current one as {2}.</param>
    public static string[] Differences<T>(T saved, T current, string format = "{0} was {1}, now {2}")
    {
        var before = Flatten(JsonSerializer.SerializeToElement(saved, Line));
        var after = Flatten(JsonSerializer.SerializeToElement(current, Line));
        return
        [
            .. from name in before.Keys.Union(after.Keys)
               let was = before.GetValueOrDefault(name, "nothing")
               let now = after.GetValueOrDefault(name, "nothing")
               where was != now
               select string.Format(CultureInfo.InvariantCulture, format, name, was, now),
        ];

        static Dictionary<string, string> Flatten(JsonElement element) => element.EnumerateObject()
            .SelectMany(property => property.Value.ValueKind == JsonValueKind.Object
                ? Flatten(property.Value)
                : new Dictionary<string, string> { [property.Name] = property.Value.GetRawText() })
            .ToDictionary();
    }

    /// <summary>Refuses numbers such as 1e999, which .NET reads as infinity and cannot write.</summary>
    private sealed class FiniteNumber : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetDouble() is var value && double.IsFinite(value) ? value : throw new JsonException();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
    }
}
