using System.Text.Json;
using MnistCnn.Files;
using MnistCnn.Tests.Data;
using SkiaSharp;

namespace MnistCnn.Tests.Commands;

public sealed class PredictCommandTests : IDisposable
{
    private static readonly string Trained = Fixture.PathOf("residual-trained.safetensors");

    private static readonly string[] Families =
    [
        "DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "Liberation Sans", "Liberation Serif", "Liberation Mono",
        "Arial", "Verdana", "Georgia", "Helvetica", "Times",
    ];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Printed_digits_of_three_fonts_are_predicted()
    {
        var families = Families.Where(SKFontManager.Default.FontFamilies.Contains).Take(3).ToArray();
        Assert.SkipUnless(families.Length == 3, "there are no three known fonts on this system");
        foreach (var (index, family) in families.Index())
            for (var digit = 0; digit < 10; digit++)
                Print($"{digit}-{index}.png", digit, family, size: 40 + 60 * index, isDark: index == 1);

        var run = Run("predict", Trained, folder.FullPath, "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var results = JsonDocument.Parse(run.Output).RootElement.EnumerateArray().ToArray();
        Assert.Equal(30, results.Length);
        var correct = results.Count(result =>
            Path.GetFileName(result.GetProperty("file").GetString())![0] - '0' == result.GetProperty("class").GetInt32());
        Assert.InRange(correct, 27, 30);
    }

    [Fact]
    public void Each_image_has_a_line_with_its_most_likely_digits()
    {
        Stroke("seven.png");
        var run = Run("predict", Trained, "seven.png", "--top", "3");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"^seven\.png   7 +\d+\.\d\d %(   \d +\d+\.\d\d %){2}\n$", run.Output);

        var json = Run("predict", Trained, "seven.png", "--top", "10", "--json").Output;
        var entries = JsonDocument.Parse(json).RootElement[0].GetProperty("top").EnumerateArray();
        var top = entries.Select(entry => entry.GetProperty("probability").GetDouble()).ToArray();
        Assert.Equal(10, top.Length);
        Assert.Equal(1, top.Sum(), 1e-9);
        Assert.Equal(top.OrderDescending(), top);
    }

    [Fact]
    public void Predictions_have_the_number_and_the_name_of_the_class()
    {
        Stroke("seven.png");
        string[] names = ["noll", "ett", "två", "tre", "fyra", "fem", "sex", "七", "åtta", "nio"];
        var metadata = new Dictionary<string, string>
        {
            ["shape"] = "1x28x28",
            ["classes"] = JsonSerializer.Serialize(names),
            ["mean"] = "0.1307",
            ["deviation"] = "0.3081",
        };
        using (var file = SafetensorsFile.Read(Trained))
            (file with { Metadata = metadata }).Write(folder["swedish.safetensors"]);
        var run = Run("predict", "swedish.safetensors", "seven.png", "--top", "3");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"^seven\.png   七   +\d+\.\d\d %(   (noll|ett |två |tre |fyra|fem |sex |åtta|nio ) +\d+\.\d\d %){2}\n$", run.Output);

        var named = JsonDocument.Parse(Run("predict", "swedish.safetensors", "seven.png", "--top", "2", "--json").Output).RootElement[0];
        var numbered = JsonDocument.Parse(Run("predict", Trained, "seven.png", "--top", "2", "--json").Output).RootElement[0];
        Assert.Equal("file model class name probability top digits", Fields(named));
        Assert.Equal("file model class name probability top digits", Fields(numbered));
        Assert.Equal(folder["swedish.safetensors"], named.GetProperty("model").GetString());
        Assert.Equal(Trained, numbered.GetProperty("model").GetString());
        AssertSeven(named, "七");
        AssertSeven(named.GetProperty("top")[0], "七");
        AssertSeven(numbered, "7");
        AssertSeven(numbered.GetProperty("top")[0], "7");
        AssertSeven(Assert.Single(numbered.GetProperty("digits").EnumerateArray()), "7");
        Assert.Equal(JsonValueKind.Null, named.GetProperty("digits").ValueKind);
        Assert.Equal(2, named.GetProperty("top").GetArrayLength());
        Assert.Equal("class name probability", Fields(numbered.GetProperty("top")[0]));

        static string Fields(JsonElement entry) => string.Join(' ', entry.EnumerateObject().Select(field => field.Name));

        static void AssertSeven(JsonElement entry, string name) =>
            Assert.Equal((7, name), (entry.GetProperty("class").GetInt32(), entry.GetProperty("name").GetString()!));
    }

    [Fact]
    public void Digits_side_by_side_are_predicted_one_by_one()
    {
        File.WriteAllBytes(folder["42.png"], DrawnDigits.DrawNumber(hand: 2, "42", gap: 0.3));
        Stroke("seven.png");
        var run = Run("predict", "42.png", "seven.png", "--top", "2");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        const string Two = @" +\d+\.\d\d %   \d +\d+\.\d\d %\n";
        Assert.Matches($@"^42\.png      42   2 digits:\n {{12}}4{Two} {{12}}2{Two}seven\.png   7{Two}$", run.Output);
        Assert.InRange(Run("predict", "42.png", "--show").Output.Split('\n').Length, 40, 60);

        var entries = JsonDocument.Parse(Run("predict", "42.png", "seven.png", "--json").Output).RootElement;
        var (number, seven) = (entries[0], entries[1]);
        Assert.Equal((JsonValueKind.Null, "42"), (number.GetProperty("class").ValueKind, number.GetProperty("name").GetString()));
        var digits = number.GetProperty("digits").EnumerateArray().ToArray();
        Assert.Equal([4, 2], digits.Select(digit => digit.GetProperty("class").GetInt32()));
        Assert.Equal(
            digits[0].GetProperty("probability").GetDouble() * digits[1].GetProperty("probability").GetDouble(),
            number.GetProperty("probability").GetDouble(),
            1e-12);
        Assert.Equal((7, 1), (seven.GetProperty("class").GetInt32(), seven.GetProperty("digits").GetArrayLength()));
    }

    // White lines through the ink, as of a dirty scanner. Both halves of a zero are as high as a digit.
    [Fact]
    public void A_digit_in_pieces_is_one_digit()
    {
        for (var hand = 0; hand < DrawnDigits.Hands; hand++)
            foreach (var digit in new[] { 0, 4, 6, 8, 9 })
                File.WriteAllBytes(folder[$"{hand}-{digit}.png"], Cut(DrawnDigits.DrawNumber(hand, $"{digit}", gap: 0), width: 5));
        var entries = JsonDocument.Parse(Run("predict", folder.FullPath, "--json").Output).RootElement.EnumerateArray().ToArray();
        Assert.Equal(50, entries.Length);
        Assert.InRange(entries.Count(entry => entry.GetProperty("digits").GetArrayLength() == 1), 49, 50);
        var right = entries.Count(entry => entry.GetProperty("file").GetString()!.EndsWith($"-{entry.GetProperty("name")}.png"));
        Assert.InRange(right, 45, 50);
    }

    [Fact]
    public void Pieces_that_may_be_digits_are_a_warning()
    {
        File.WriteAllBytes(folder["0.png"], Cut(DrawnDigits.DrawNumber(hand: 2, "0", gap: 0), width: 5));
        var run = Run("predict", "0.png");
        Assert.Matches(@"^0\.png   0 +\d+\.\d\d %\n$", run.Output);
        Assert.Matches(@"^warning: 0\.png is read as one digit, but may be \d\d: leave more space between the digits\.\n$", run.Error);
    }

    [Fact]
    public void Show_draws_the_image_as_the_network_sees_it()
    {
        Stroke("seven.png");
        var lines = Run("predict", Trained, "seven.png", "--show").Output.TrimEnd('\n').Split('\n')[1..];
        Assert.InRange(lines.Length, 20, 28);
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 56));
        Assert.Contains(lines, line => line.Contains("████████████"));
    }

    [Fact]
    public void A_blank_image_has_no_digit_and_a_broken_one_does_not_stop_the_others()
    {
        Stroke("seven.png");
        using (var blank = new SKBitmap(20, 20))
        using (var data = blank.Encode(SKEncodedImageFormat.Png, 100))
            File.WriteAllBytes(folder["blank.png"], data.ToArray());
        File.WriteAllText(folder["broken.png"], "nonsense");
        var run = Run("predict", Trained, "blank.png", "broken.png", "missing.png", "seven.png");
        Assert.Equal(1, run.ExitCode);
        var lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Contains("no digit found", lines[0]);
        Assert.Matches("^seven.png +7 ", lines[1]);
        var errors = run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, errors.Length);
        Assert.StartsWith("error: broken.png", errors[0]);
        Assert.Contains("missing.png", errors[1]);
    }

    [Fact]
    public void Hidden_files_in_a_folder_are_skipped()
    {
        Directory.CreateDirectory(folder["pictures"]);
        Stroke("pictures/seven.png");
        File.WriteAllText(folder["pictures/._seven.png"], "of another system");
        var run = Run("predict", Trained, "pictures");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"^pictures.seven\.png +7 [^\n]+\n$", run.Output);
    }

    [Fact]
    public void A_folder_without_images_does_not_stop_the_others()
    {
        Directory.CreateDirectory(folder["empty"]);
        Stroke("seven.png");
        var run = Run("predict", Trained, "empty", "seven.png", "--json");
        Assert.Equal(1, run.ExitCode);
        var results = JsonDocument.Parse(run.Output).RootElement;
        Assert.Contains(".png", results[0].GetProperty("error").GetString());
        Assert.Equal(7, results[1].GetProperty("class").GetInt32());
    }

    [Fact]
    public void A_pipe_fails_without_waiting()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no pipes among the files of Windows");
        using (var make = System.Diagnostics.Process.Start("mkfifo", [folder["pipe.png"]]))
            make.WaitForExit();
        File.CreateSymbolicLink(folder["link.png"], folder["pipe.png"]);
        foreach (var name in new[] { "pipe.png", "link.png" })
            Run("predict", Trained, name).AssertFailed(1, name, "not a regular file");
        Stroke("seven.png");
        File.CreateSymbolicLink(folder["seven-link.png"], folder["seven.png"]);
        Assert.Contains("   7 ", Run("predict", Trained, "seven-link.png").Output);
    }

    [Fact]
    public void Wrong_input_fails()
    {
        Directory.CreateDirectory(folder["empty"]);
        Run("predict", Trained, "empty").AssertFailed(1, "empty", ".png");
        Run("predict", Trained).AssertFailed(2);
        Run("predict", Trained, "a.png", "--top", "0").AssertFailed(2, "--top");
        Run("predict", "nowhere.safetensors", "a.png").AssertFailed(1, "nowhere.safetensors");
    }

    [Theory]
    [InlineData("runs/typo", "runs/typo does not exist")]
    [InlineData("w.pt", "w.pt is neither a network nor an image")]
    [InlineData("best.onnx", "best.onnx is neither a network nor an image")]
    [InlineData("empty", "empty is neither a network nor an image")]
    [InlineData("sweep", "sweep is neither a network nor an image")]
    public void The_bundled_network_does_not_replace_a_mistyped_one(string network, string problem)
    {
        Directory.CreateDirectory(folder["empty"]);
        foreach (var name in new[] { "w.pt", "best.onnx" })
            File.WriteAllText(folder[name], "weights of another program");
        Stroke("seven.png");
        Directory.CreateDirectory(folder["sweep"]);
        File.WriteAllText(folder["sweep/sweep.json"], "{}");
        File.Copy(folder["seven.png"], folder["sweep/plot.png"]);
        Run("predict", network, "seven.png").AssertFailed(2, problem);
        Run("predict", "seven.png", network, "--json").AssertFailed(2, problem);
    }

    [Fact]
    public void The_network_comes_before_the_images_and_an_image_needs_no_ending()
    {
        Stroke("seven");
        Run("predict", "seven", Trained).AssertFailed(2, Trained, "before the images");
        Run("predict", "inception", "residual", "seven").AssertFailed(2, "residual", "before the images");
        var run = Run("predict", "seven", "--arch", "residual", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var answer = JsonDocument.Parse(run.Output).RootElement[0];
        Assert.Equal("residual.safetensors", Path.GetFileName(answer.GetProperty("model").GetString()));
        Assert.Equal(7, answer.GetProperty("class").GetInt32());
    }

    private void Print(string name, int digit, string family, float size, bool isDark)
    {
        using var picture = new SKBitmap((int)(2 * size), (int)(2 * size));
        using (var canvas = new SKCanvas(picture))
        using (var font = new SKFont(SKTypeface.FromFamilyName(family), size))
        using (var paint = new SKPaint { Color = isDark ? SKColors.White : SKColors.Navy, IsAntialias = true })
        {
            canvas.Clear(isDark ? SKColors.Black : SKColors.Ivory);
            canvas.DrawText($"{digit}", size, 1.4f * size, SKTextAlign.Center, font, paint);
        }

        Save(picture, name);
    }

    private void Stroke(string name)
    {
        using var picture = new SKBitmap(100, 100);
        using (var canvas = new SKCanvas(picture))
        using (var path = SKPath.ParseSvgPathData("M25 20 L75 20 L45 85"))
        using (var paint = new SKPaint { Style = SKPaintStyle.Stroke, StrokeWidth = 8, IsAntialias = true })
        {
            canvas.Clear(SKColors.White);
            canvas.DrawPath(path, paint);
        }

        Save(picture, name);
    }

    // Erases a vertical line through the middle of the ink.
    private static byte[] Cut(byte[] file, int width)
    {
        using var picture = SKBitmap.Decode(file);
        var columns = Enumerable.Range(0, picture.Width)
            .Where(x => Enumerable.Range(0, picture.Height).Any(y => picture.GetPixel(x, y).Red < 128)).ToArray();
        using (var canvas = new SKCanvas(picture))
        using (var paint = new SKPaint { Color = SKColors.White })
            canvas.DrawRect((columns[0] + columns[^1] - width) / 2f, 0, width, picture.Height, paint);
        using var data = picture.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    private void Save(SKBitmap picture, string name)
    {
        using var data = picture.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(folder[name], data.ToArray());
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);
}
