using System.Collections;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;

namespace MnistCnn.Tests.Documentation;

/// <summary>
/// Tables of a page with the columns field, type and meaning, below the heading that names the document or the object. A type is
/// <c>string</c>, <c>integer</c>, <c>number</c>, <c>boolean</c>, <c>date and time</c>, <c>list of TYPE</c>, <c>map to TYPE</c>, or a link
/// to a table of fields or of values. <c>or</c> separates alternatives; <c>null</c> and <c>absent</c> are two of them.
/// </summary>
internal sealed partial class FieldTables(string page)
{
    // Types that a converter writes as a text.
    private static readonly Type[] Texts = [typeof(string), typeof(Architecture), typeof(Augmentation)];

    private const string ListOf = "list of ", MapTo = "map to ";

    // The format of files and of the server, which writes enums as text too.
    private static readonly JsonSerializerOptions Format = new(JsonFormat.Line)
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private readonly HashSet<(string Table, string Field)> seen = [];

    /// <summary>Asserts that the table lists exactly the properties of a record, with their types.</summary>
    /// <param name="tables">Place of the table of each other record and enum, as linked from this page.</param>
    /// <param name="except">A base of the record, whose properties another table lists.</param>
    public void AssertEqual(string heading, Type record, IReadOnlyDictionary<Type, string> tables, Type? except = null)
    {
        var expected = Format.GetTypeInfo(record).Properties
            .Where(property => property.Get is not null && ((PropertyInfo)property.AttributeProvider!).DeclaringType != except)
            .ToDictionary(property => property.Name, property => Describe(property, tables));
        Assert.Equal(Lines(expected), Lines(FieldsOf(page, heading)));

        static string Lines(IEnumerable<KeyValuePair<string, string>> fields) =>
            string.Join('\n', fields.Select(field => $"`{field.Key}`: {field.Value}").Order(StringComparer.Ordinal));
    }

    /// <summary>Asserts that the table lists exactly the names of an enum in JSON.</summary>
    public void AssertValues(string heading, Type values)
    {
        var names = Enum.GetValues(values).Cast<object>().Select(value => JsonSerializer.Serialize(value, Format).Trim('"'));
        Assert.Equal(names.Order(StringComparer.Ordinal), FieldsOf(page, heading).Keys.Order(StringComparer.Ordinal));
    }

    /// <summary>Asserts that a document has the fields of a table, with their types, and remembers which of them occur.</summary>
    public void AssertDocument(string heading, JsonElement document)
    {
        var problem = FindProblem(document, $"[](#{DocumentationTests.AnchorOf(heading)})", page, heading);
        Assert.True(problem is null, problem);
    }

    /// <summary>Asserts that a table has exactly some names, such as the columns of a CSV file.</summary>
    public void AssertNames(string heading, IEnumerable<string> names) =>
        Assert.Equal(FieldsOf(page, heading).Keys.Order(StringComparer.Ordinal), names.Order(StringComparer.Ordinal));

    /// <summary>Asserts that a table lists some names, and maybe others.</summary>
    public void AssertHasNames(string heading, IEnumerable<string> names) => Assert.Empty(names.Except(FieldsOf(page, heading).Keys));

    /// <summary>Asserts that each name of a table occurs in a text.</summary>
    public void AssertOccur(string heading, string text) => Assert.All(FieldsOf(page, heading).Keys, name => Assert.Contains(name, text));

    /// <summary>Asserts that each field of the tables occurred in one of the documents.</summary>
    public void AssertAllSeen(params string[] headings) => Assert.Empty(
        from heading in headings
        from field in FieldsOf(page, heading).Keys
        where !seen.Contains((heading, field))
        select $"{page}, {heading}: no document has `{field}`");

    /// <summary>Headings of a level whose sections have a table of fields or values.</summary>
    public static string[] HeadingsOf(string page, string level) =>
        [.. DocumentationTests.Read(page).Split($"\n{level} ")[1..].Select(section => section.Split('\n')[0])];

    private static string Describe(JsonPropertyInfo property, IReadOnlyDictionary<Type, string> tables)
    {
        var member = (PropertyInfo)property.AttributeProvider!;
        var isAbsent = member.GetCustomAttribute<JsonIgnoreAttribute>() is not null;
        var type = Describe(property.PropertyType, new NullabilityInfoContext().Create(member), tables);
        return isAbsent ? Replace(type, " or null", " or absent") : type;

        static string Replace(string text, string end, string other) =>
            $"{(text.EndsWith(end, StringComparison.Ordinal) ? text[..^end.Length] : text)}{other}";
    }

    private static string Describe(Type type, NullabilityInfo nullability, IReadOnlyDictionary<Type, string> tables)
    {
        var plain = Nullable.GetUnderlyingType(type) ?? type;
        var isNullable = plain != type || (!type.IsValueType && nullability.ReadState == NullabilityState.Nullable);
        var text = tables.TryGetValue(plain, out var place) ? place
            : Texts.Contains(plain) ? "string"
            : plain == typeof(bool) ? "boolean"
            : plain == typeof(int) || plain == typeof(long) ? "integer"
            : plain == typeof(double) || plain == typeof(float) ? "number"
            : plain == typeof(DateTimeOffset) ? "date and time"
            : plain.IsAssignableTo(typeof(IEnumerable)) ? DescribeItems()
            : throw new InvalidOperationException($"The tables have no place for {plain}.");
        return isNullable ? $"{text} or null" : text;

        string DescribeItems()
        {
            var item = type.IsArray ? nullability.ElementType! : nullability.GenericTypeArguments[^1];
            var itemText = Describe(item.Type, item, tables);
            var kind = nullability.GenericTypeArguments.Length == 2 ? "map to" : "list of";
            return itemText.Contains(" or ") ? $"{kind} ({itemText})" : $"{kind} {itemText}";
        }
    }

    /// <summary>Names in a cell.</summary>
    public static IEnumerable<string> NamesIn(string cell) => Code().Matches(cell).Select(name => name.Groups[1].Value);

    /// <summary>Names in the first column of a table.</summary>
    public IEnumerable<string> NamesOf(string heading) => FieldsOf(page, heading).Keys;

    /// <summary>Cells of the first table below a heading.</summary>
    public IEnumerable<string[]> RowsOf(string heading) => RowsOf(page, heading);

    private static IEnumerable<string[]> RowsOf(string page, string heading)
    {
        var section = Regex.Split(DocumentationTests.Read(page), "\n(?=#)")
            .Single(part => part.Split('\n')[0].TrimStart('#', ' ') == heading);
        return section.Split('\n').SkipWhile(line => !line.StartsWith('|')).TakeWhile(line => line.StartsWith('|')).Skip(2)
            .Select(row => (string[])[.. Cell().Split(row.Trim('|')).Select(cell => cell.Trim())]);
    }

    // Field and type, or value and meaning.
    private static Dictionary<string, string> FieldsOf(string page, string heading) => RowsOf(page, heading)
        .SelectMany(cells => NamesIn(cells[0]).Select(name => (Name: name, Type: cells[1])))
        .ToDictionary(field => field.Name, field => field.Type);

    // A sentence on the first difference, or null.
    private string? FindProblem(JsonElement value, string type, string from, string path)
    {
        var problems = Alternatives(type).Where(one => one != "absent").Select(one => FindProblemOf(value, one, from, path)).ToArray();
        return problems.Contains(null) ? null : problems[0];
    }

    private string? FindProblemOf(JsonElement value, string type, string from, string path)
    {
        if (Link().Match(type) is { Success: true } link)
            return FindProblemIn(value, DocumentationTests.Resolve(from, link.Groups["path"].Value), link.Groups["anchor"].Value, path);
        var isSo = type switch
        {
            "null" => value.ValueKind == JsonValueKind.Null,
            "string" => value.ValueKind == JsonValueKind.String,
            "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
            "number" => value.ValueKind == JsonValueKind.Number,
            "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            "date and time" => value.ValueKind == JsonValueKind.String && value.TryGetDateTimeOffset(out _),
            _ when type.StartsWith(ListOf, StringComparison.Ordinal) => value.ValueKind == JsonValueKind.Array,
            _ when type.StartsWith(MapTo, StringComparison.Ordinal) => value.ValueKind == JsonValueKind.Object,
            _ => false,
        };
        var items =
            !isSo ? [$"{path} is not '{type}': {value.GetRawText()}"]
            : type.StartsWith(ListOf, StringComparison.Ordinal)
                ? value.EnumerateArray().Select(item => FindProblem(item, type[ListOf.Length..], from, $"{path}[]"))
            : type.StartsWith(MapTo, StringComparison.Ordinal)
                ? value.EnumerateObject().Select(item => FindProblem(item.Value, type[MapTo.Length..], from, $"{path}.{item.Name}"))
            : Enumerable.Empty<string?>();
        return items.FirstOrDefault(problem => problem is not null);
    }

    private string? FindProblemIn(JsonElement value, string target, string anchor, string path)
    {
        var lines = DocumentationTests.Read(target).Split('\n');
        var heading = lines.Where(line => line.StartsWith('#')).Select(line => line.TrimStart('#', ' '))
            .Single(line => DocumentationTests.AnchorOf(line) == anchor);
        var fields = FieldsOf(target, heading);
        if (value.ValueKind == JsonValueKind.String)
            return fields.ContainsKey(value.GetString()!) ? null : $"{path}: {heading} has no value '{value.GetString()}'.";
        if (value.ValueKind != JsonValueKind.Object)
            return $"{path} is no object: {value.GetRawText()}";
        foreach (var property in value.EnumerateObject())
        {
            if (!fields.TryGetValue(property.Name, out var type))
                return $"{path}.{property.Name}: {target}, {heading} has no such field.";
            seen.Add((heading, property.Name));
            if (FindProblem(property.Value, type, target, $"{path}.{property.Name}") is { } problem)
                return problem;
        }

        var missing = fields
            .FirstOrDefault(field => !Alternatives(field.Value).Contains("absent") && !value.TryGetProperty(field.Key, out _));
        return missing.Key is null ? null : $"{path} has no {missing.Key}, and {target}, {heading} does not say that it may be absent.";
    }

    // Splits at "or" outside of parentheses.
    private static string[] Alternatives(string type) =>
        type.StartsWith('(') && type.EndsWith(')') ? Alternatives(type[1..^1]) : Or().Split(type);

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex Cell();

    [GeneratedRegex(@" or (?![^(]*\))")]
    private static partial Regex Or();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"^\[[^\]]*\]\((?<path>[^#)]*)#(?<anchor>[^)]+)\)$")]
    private static partial Regex Link();
}
