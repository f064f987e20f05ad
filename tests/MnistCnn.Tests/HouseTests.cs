using MnistCnn.Networks;
using NetArchTest.Rules;

namespace MnistCnn.Tests;

/// <summary>The rooms of the program, and which of them know which.</summary>
public sealed class HouseTests
{
    private static readonly Dictionary<string, string[]> Known = new()
    {
        ["Runtime"] = [],
        ["Files"] = ["Runtime"],
        ["Networks"] = [],
        ["Data"] = ["Files", "Runtime"],
        ["Inspection"] = ["Networks", "Runtime"],
        ["Export"] = ["Networks", "Data", "Files", "Runtime"],
        ["Training"] = ["Networks", "Data", "Runtime"],
        ["Runs"] = ["Training", "Networks", "Data", "Files", "Runtime"],
        ["Experiments"] = ["Runs", "Training", "Inspection", "Networks", "Data", "Files", "Runtime"],
        ["Reporting"] = ["Experiments", "Runs", "Training", "Inspection", "Networks", "Data", "Files", "Runtime"],
        ["Web"] = ["Runs", "Training", "Inspection", "Networks", "Data", "Files", "Runtime"],
        ["Commands"] = ["Web", "Reporting", "Experiments", "Runs", "Training", "Inspection", "Export", "Networks", "Data", "Files", "Runtime"],
    };

    public static TheoryData<string> Rooms => [.. Known.Keys];

    [Fact]
    public void Every_type_is_in_a_room()
    {
        var rooms = typeof(Architecture).Assembly.GetTypes()
            .Where(type => type.Namespace?.StartsWith(nameof(MnistCnn), StringComparison.Ordinal) == true)
            .Select(type => type.Namespace![nameof(MnistCnn).Length..].TrimStart('.')).Distinct().Order();
        Assert.Equal(Known.Keys.Order(), rooms);
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_knows_no_more_than_it_may(string room)
    {
        string[] forbidden = [.. Known.Keys.Except(Known[room]).Where(other => other != room).Select(Namespace)];
        if (forbidden.Length == 0)
            return;
        var result = Types.InAssembly(typeof(Architecture).Assembly)
            .That().ResideInNamespace(Namespace(room))
            .ShouldNot().HaveDependencyOnAny(forbidden)
            .GetResult();
        Assert.True(result.IsSuccessful, string.Join(", ", (result.FailingTypes ?? []).Select(type => type.FullName)));
    }

    private static string Namespace(string room) => $"{nameof(MnistCnn)}.{room}";
}
