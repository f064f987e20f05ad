using System.Globalization;
using MnistCnn.Tests;
using MnistCnn.Tests.Data;
using MnistCnn.Tests.Web;
using OpenQA.Selenium;

namespace MnistCnn.SystemTests;

/// <summary>The first view of the page: pen, predictions, drawing of the network, feature map and what-if changes.</summary>
[Trait("Kind", "Waiting")]
[Collection(typeof(ThePage))]
public sealed class PageTests(ServedPage page) : IDisposable
{
    // In MNIST's test set.
    private const int Two = 1;
    private const int Nine = 7;

    // As fractions of the canvas.
    private static readonly (double X, double Y)[] Seven = [(0.25, 0.22), (0.75, 0.22), (0.45, 0.82)];
    private static readonly (double X, double Y)[] Dash = [(0.38, 0.52), (0.66, 0.52)];

    public void Dispose() => page.AssertQuiet();

    // Another digit is shown before, so the seven is a new prediction.
    [Fact]
    public void Both_networks_classify_a_drawn_seven()
    {
        var browser = page.Open($"look?model=residual&other=inception&image={Two}");
        WaitForAnswers("2");
        browser.Draw(browser.Find("#pen"), Seven);
        WaitForAnswers("7");
        browser.Draw(browser.Find("#pen"), Dash);
        WaitForAnswers("7");
        Assert.True(Shares("residual")[7] > 0.9, "low confidence");
        browser.Find("#undo").Click();
        browser.Find("#undo").Click();
        WaitForAnswers("–");

        void WaitForAnswers(string digit) =>
            Browser.WaitUntil($"both to answer {digit}", () => Text("#answer") == digit && Text("#other-answer") == digit);
    }

    // The time is printed in the test's output; it decides nothing.
    [Theory]
    [InlineData("residual")]
    [InlineData("inception")]
    public void The_feature_maps_follow_each_stroke(string model)
    {
        const int Strokes = 10;
        var browser = page.Open($"look?model={model}");
        // The probabilities change in the task that paints the feature maps.
        browser.Run<bool>(
            """
            window.requests = 0;
            const { fetch } = window;
            window.fetch = (...request) => {
              window.requests++;
              return fetch(...request).finally(() => window.requests--);
            };
            document.querySelector('#pen').addEventListener('pointermove', event => {
              if (event.buttons)
                window.lastInk = event.timeStamp;
            });
            new MutationObserver(() => window.lastPaint = performance.now())
              .observe(document.querySelector('#answers'), { subtree: true, attributeFilter: ['data-probability'] });
            return true;
            """);
        var times = new List<double>();
        for (var stroke = 1; stroke <= Strokes; stroke++)
        {
            browser.Draw(browser.Find("#pen"), stroke % 2 == 0 ? Dash : Seven);
            Browser.WaitUntil(
                "the maps of the stroke", () => browser.Run<bool>("return window.requests === 0 && window.lastPaint > window.lastInk"));
            times.Add(browser.Run<double>("return window.lastPaint - window.lastInk"));
        }

        times.Sort();
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"from stroke to maps, {model}: median {times[Strokes / 2]:0.0} ms, from {times[0]:0.0} to {times[^1]:0.0} ms");
    }

    [Theory]
    [InlineData("residual", "shortcut")]
    [InlineData("residual", "listing")]
    [InlineData("inception", "branch")]
    public void An_ablation_changes_the_prediction_and_can_be_undone(string model, string kind)
    {
        var browser = page.Open($"look?model={model}&image={Nine}");
        var before = Answer("");
        WaitForShares(model, before);
        var box = browser.Find($"fieldset[data-model='{model}'] input[data-kind='{kind}']");
        box.Click();
        WaitForShares(model, Answer($"&wire={Uri.EscapeDataString(box.GetAttribute("data-wire")!)}"));
        Assert.True(Distance(before, Shares(model)) > 1e-3, "the answer is as it was");
        var node = box.GetAttribute("data-wire")!.Split(':')[0];
        Assert.Equal(node, Assert.Single(browser.FindAll("path.off")).GetAttribute("data-to"));
        box.Click();
        WaitForShares(model, before);
        Assert.Empty(browser.FindAll("path.off"));

        double[] Answer(string wire) => Probabilities(model, wire);
    }

    [Fact]
    public void The_digit_moves_with_its_slider()
    {
        var browser = page.Open($"look?model=residual&image={Nine}");
        browser.Find("#whatif-right").SendKeys(string.Concat(Enumerable.Repeat(Keys.ArrowRight, 6)));
        WaitForShares("residual", Probabilities("residual", "&right=3"));
        browser.Find("#reset").Click();
        WaitForShares("residual", Probabilities("residual", ""));
    }

    // The page, this test and the network each compute the value.
    [Fact]
    public void A_feature_map_shows_how_a_convolution_computes_its_values()
    {
        var browser = page.Open($"look?model=residual&image={Nine}");
        OpenMap("conv2/Conv");
        var channel = browser.Find("#map").GetAttribute("data-channel");
        var map = page.Frame($"api/models/residual/map?image={Nine}&node=conv2/Conv&channel={channel}");
        foreach (var (x, y) in new[] { (0.05, 0.05), (0.45, 0.7), (0.95, 0.95) })
        {
            browser.Point(browser.Find("#map-value"), x, y);
            var (row, column) = ((int)(8 * y), (int)(8 * x));
            Browser.WaitUntil(
                "the cursor to be there", () => Number("#map-place", "row") == row && Number("#map-place", "column") == column);
            var (sum, bias, value) = Convolution(map, row, column);
            Assert.Equal(value, Number("#map-place", "value"));
            Assert.Equal(value, Number(".equation", "value"));
            Assert.Equal(sum, Number(".equation", "sum"), 1e-9);
            Assert.Equal(bias, Number(".equation", "bias"));
            Assert.Equal(value, sum + bias, 1e-4);
            var products = browser.Run<double[][]>(
                """
                return [...document.querySelectorAll('#map .numbers')]
                  .map(table => [...table.querySelectorAll('td')].map(cell => Number(cell.dataset.value)));
                """);
            Assert.Equal(products[2], products[0].Zip(products[1], (input, weight) => input * weight));
            Assert.Equal(Number(".contribution", "sum"), products[2].Sum(), 1e-9);
        }
    }

    [Fact]
    public void A_residual_sum_is_shown_with_its_terms()
    {
        var browser = page.Open($"look?model=residual&image={Nine}");
        OpenMap("rBlock1/Relu_1");
        var channel = browser.Find("#map").GetAttribute("data-channel");
        AssertParts("");
        var wire = browser.Find("input[data-kind='shortcut']");
        wire.Click();
        Browser.WaitUntil("x to be nothing", () => Number(".term[data-term='x']", "norm") == 0);
        AssertParts($"&wire={Uri.EscapeDataString(wire.GetAttribute("data-wire")!)}");

        void AssertParts(string wire)
        {
            var parts = page.Frame($"api/models/residual/map?image={Nine}&node=rBlock1/Relu_1&channel={channel}{wire}")["sum"]
                .GetProperty("terms").EnumerateArray();
            Assert.Equal(
                parts.Select(part => (part.GetProperty("name").GetString(), part.GetProperty("norm").GetDouble())),
                browser.FindAll(".term").Select(term => (term.GetAttribute("data-term"), Number(term, "norm"))));
            Assert.Equal(["x", "F(x)", "x + F(x)", "relu"], browser.FindAll(".term strong").Select(name => name.Text));
        }
    }

    [Theory]
    [InlineData("occlusion")]
    [InlineData("gradient")]
    public void A_heat_map_is_shown_for_the_class_under_the_pointer(string method)
    {
        var browser = page.Open($"look?model=residual&image={Nine}");
        Browser.WaitUntil("the answer", () => Text("#answer") == "9");
        browser.Find($"#where input[value='{method}']").Click();
        browser.Point(browser.Find(".probability[data-class='4']"));
        var heat = browser.Find(".heat");
        Browser.WaitUntil("the heat map of the class", () => heat.GetAttribute("data-class") == "4");
        Assert.Equal(method, heat.GetAttribute("data-method"));
        var answer = page.Frame($"api/models/residual/where?image={Nine}&method={method}&class=4");
        Assert.Equal(
            answer.Scaled(answer.Head, 1).Select(value => value != 0),
            browser.Run<bool[]>(
                """
                const canvas = document.querySelector('.heat');
                const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                return Array.from({ length: data.length / 4 }, (_, pixel) => data[4 * pixel + 3] > 0);
                """));
        browser.Point(browser.Find("h1"));
        Browser.WaitUntil("the heat map to go", () => !heat.Displayed);
    }

    [Fact]
    public void A_chosen_image_file_is_classified()
    {
        var browser = page.Open($"look?model=residual&image={Nine}");
        Browser.WaitUntil("the answer", () => Text("#answer") == "9");
        browser.FindAll("#file")[0].SendKeys(page.Save($"api/models/residual/images/{Two}.png", "two.png"));
        Browser.WaitUntil("the picture's answer", () => Text("#answer") == "2");
    }

    [Fact]
    public void The_number_of_digits_in_an_image_file_is_shown()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["42.png"], DrawnDigits.DrawNumber(hand: 2, "42", gap: 0.3));
        var browser = page.Open($"look?model=residual&image={Nine}");
        Browser.WaitUntil("the answer", () => Text("#answer") == "9");
        browser.FindAll("#file")[0].SendKeys(folder["42.png"]);
        Browser.WaitUntil("the number of digits", () => Text(".confidence").EndsWith("; 2 digits found, this is the largest"));
    }

    // A stroke, undo, clear, an ablation and a feature map.
    [Fact]
    public void Everything_works_by_keyboard()
    {
        var browser = page.Open($"look?model=residual&image={Two}");
        Browser.WaitUntil("the answer", () => Text("#answer") == "2");
        TabTo("#pen");
        DrawOne();
        browser.Press(Keys.Backspace);
        WaitFor("–");
        DrawOne();
        TabTo("#clear");
        browser.Press(Keys.Enter);
        WaitFor("–");
        TabTo("input[data-kind='shortcut']");
        browser.Press(Keys.Space);
        Browser.WaitUntil("the shortcut to be off", () => browser.FindAll("path.off").Count == 1);
        TabTo(".layer canvas");
        browser.Press(Keys.ArrowRight, Keys.Enter);
        Browser.WaitUntil("the map", () => browser.Focused.GetAttribute("id") == "map");
        TabTo("#map-close");
        browser.Press(Keys.Enter);
        Browser.WaitUntil(
            "the drawing to have the focus again", () => browser.Run<bool>("return document.activeElement.matches('.layer canvas')"));

        // The pen starts in the middle, and goes up; a stroke down is a one.
        void DrawOne()
        {
            Assert.Equal("pen", browser.Run<string>("document.querySelector('#pen').focus(); return document.activeElement.id"));
            var (up, down) = (Enumerable.Repeat(Keys.ArrowUp, 9), Enumerable.Repeat(Keys.ArrowDown, 18));
            browser.Press([.. up, Keys.Space, .. down, Keys.Space, .. up]);
            WaitFor("1");
        }

        void TabTo(string selector)
        {
            for (var tabs = 0; !browser.Run<bool>("return document.activeElement.matches(arguments[0])", selector); tabs++)
            {
                Assert.True(tabs < 60, $"{selector} is not reached with Tab");
                browser.Press(Keys.Tab);
            }
        }

        void WaitFor(string answer) => Browser.WaitUntil($"the answer {answer}", () => Text("#answer") == answer);
    }

    private void OpenMap(string node)
    {
        var canvas = page.Browser.Find($".layer[data-node='{node}'] canvas");
        Browser.WaitUntil("the answer", () => Text("#answer") == "9");
        page.Browser.Point(canvas, 0.1, 0.1);
        canvas.Click();
        Browser.WaitUntil("the map", () => page.Browser.Find("#map").GetAttribute("data-node") == node);
    }

    // The products of window and kernel, summed over all input maps; see FeatureMap.
    private static (double Sum, double Bias, double Value) Convolution(Frame map, int row, int column)
    {
        var (kernel, input, value) = (map["kernel"], map["inputs"][0], map["value"]);
        var (shape, window) = (Frame.Numbers(input.GetProperty("shape")), Frame.Numbers(kernel.GetProperty("shape")));
        var (values, weights) = (map.Floats(input), map.Floats(kernel));
        var sum = 0.0;
        for (var weight = 0; weight < weights.Length; weight++)
        {
            var (channel, y, x) = (weight / (window[1] * window[2]), row + weight / window[2] % window[1], column + weight % window[2]);
            sum += (double)values[(channel * shape[1] + y) * shape[2] + x] * weights[weight];
        }

        return (sum, map["bias"].GetDouble(), map.Floats(value)[row * Frame.Numbers(value.GetProperty("shape"))[1] + column]);
    }

    private double[] Probabilities(string model, string changes) =>
        Frame.Doubles(page.Frame($"api/models/{model}/look?image={Nine}{changes}")["probabilities"]);

    private double[] Shares(string model) => page.Browser.Run<double[]>(
        """
        return [...document.querySelectorAll(`.panel[data-model='${arguments[0]}'] .probability`)]
          .map(bar => Number(bar.dataset.probability ?? -1));
        """,
        model);

    private void WaitForShares(string model, double[] expected) => Browser.WaitUntil("the probabilities that the server gives", () =>
        Shares(model) is var shares && shares.Length == expected.Length && Distance(shares, expected) < 1e-6);

    private static double Distance(double[] one, double[] other) => one.Zip(other, (left, right) => Math.Abs(left - right)).Max();

    private string Text(string selector) => page.Browser.FindAll(selector) is [var element, ..] ? element.Text : "";

    private double Number(string selector, string name) => Number(page.Browser.Find($"#map {selector}"), name);

    private static double Number(IWebElement element, string name) =>
        double.Parse(element.GetAttribute($"data-{name}")!, CultureInfo.InvariantCulture);
}
