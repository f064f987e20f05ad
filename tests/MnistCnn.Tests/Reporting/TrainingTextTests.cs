using MnistCnn.Reporting;

namespace MnistCnn.Tests.Reporting;

public sealed class TrainingTextTests
{
    [Theory]
    [InlineData(0, "0:00")]
    [InlineData(59.9, "0:59")]
    [InlineData(3599, "59:59")]
    [InlineData(3600, "1:00:00")]
    [InlineData(25 * 3600 + 61, "25:01:01")]
    public void A_duration_has_hours_from_one_hour_and_never_days(double seconds, string text) =>
        Assert.Equal(text, TrainingText.Duration(TimeSpan.FromSeconds(seconds)));
}
