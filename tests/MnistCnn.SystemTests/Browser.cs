using System.Text.Json;
using Deque.AxeCore.Commons;
using Newtonsoft.Json.Linq;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using OpenQA.Selenium.Interactions;

namespace MnistCnn.SystemTests;

/// <summary>Headless Chromium or Chrome with its driver, as installed on the system.</summary>
internal sealed class Browser : IDisposable
{
    private static readonly string? Program = Find("chromium") ?? Find("google-chrome");
    private static readonly string? Driver = Find("chromedriver");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ChromeDriver driver;

    /// <summary>Opens it.</summary>
    public Browser()
    {
        var options = new ChromeOptions { BinaryLocation = Program! };
        // Chromium's sandbox does not run as root, and containers have little shared memory.
        options.AddArguments(
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars=false", "--lang=en-US");
        options.SetLoggingPreference(LogType.Browser, LogLevel.All);
        driver = new ChromeDriver(
            ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(Driver), Path.GetFileName(Driver)), options);
    }

    /// <summary>Why there is no browser here; null where there is one.</summary>
    public static string? Missing { get; } = Program is null
        || Driver is null ? "there is no Chromium with its driver here (Debian: chromium chromium-driver)" : null;

    /// <summary>New warnings and errors in the console since the last call.</summary>
    public IReadOnlyList<string> Complaints =>
        [.. driver.Manage().Logs.GetLog(LogType.Browser).Where(entry => entry.Level >= LogLevel.Warning).Select(entry => entry.Message)];

    /// <summary>Opens a page in a browser with these settings, without data of earlier visits.</summary>
    public void Open(string address, int width = 1280, int height = 900, bool isDark = false, string language = "en-US")
    {
        driver.Navigate().GoToUrl("about:blank");
        Resize(width, height);
        var feature = new Dictionary<string, object> { ["name"] = "prefers-color-scheme", ["value"] = isDark ? "dark" : "light" };
        Command("Emulation.setEmulatedMedia", new() { ["features"] = new object[] { feature } });
        var agent = Run<string>("return navigator.userAgent");
        Command("Emulation.setUserAgentOverride", new() { ["userAgent"] = agent, ["acceptLanguage"] = language });
        Command(
            "Storage.clearDataForOrigin",
            new() { ["origin"] = new Uri(address).GetLeftPart(UriPartial.Authority), ["storageTypes"] = "all" });
        driver.Navigate().GoToUrl(address);
    }

    /// <summary>Opens a page with the data of earlier visits.</summary>
    public void Visit(string address) => driver.Navigate().GoToUrl(address);

    /// <summary>Loads the page again.</summary>
    public void Reload() => driver.Navigate().Refresh();

    /// <summary>The first element of a selector, as soon as there is one that can be seen.</summary>
    public IWebElement Find(string selector, IWebElement? within = null) =>
        WaitFor($"{selector} to be seen", () => FindAll(selector, within).FirstOrDefault(element => element.Displayed));

    /// <summary>All elements of a selector, seen or not.</summary>
    public IReadOnlyList<IWebElement> FindAll(string selector, IWebElement? within = null) =>
        ((ISearchContext?)within ?? driver).FindElements(By.CssSelector(selector));

    /// <summary>Runs the body of a function in the page.</summary>
    /// <returns>What it returns, by way of JSON.</returns>
    public T Run<T>(string script, params object[] arguments) =>
        JsonSerializer.Deserialize<T>((string)driver.ExecuteScript(
            $"return JSON.stringify((function () {{ {script} }}).apply(null, arguments) ?? null)", arguments)!)!;

    /// <summary>Asks again and again, until there is an answer.</summary>
    public static T WaitFor<T>(string what, Func<T?> ask)
        where T : class
    {
        var end = DateTime.UtcNow + Patience;
        while (true)
        {
            try
            {
                if (ask() is { } answer)
                    return answer;
            }
            catch (StaleElementReferenceException)
            {
                // The page has replaced it meanwhile.
            }

            if (DateTime.UtcNow > end)
                throw new TimeoutException($"waited in vain for {what}");
            Thread.Sleep(20);
        }
    }

    /// <summary>Asks again and again, until it is so.</summary>
    public static void WaitUntil(string what, Func<bool> ask) => WaitFor(what, () => ask() ? what : null);

    /// <summary>Draws a line with the mouse button held.</summary>
    /// <param name="points">Corners of the line, as fractions of the canvas from the upper left.</param>
    public void Draw(IWebElement canvas, params (double X, double Y)[] points)
    {
        driver.ExecuteScript("arguments[0].scrollIntoView({ block: 'center' })", canvas);
        var size = canvas.Size;
        var mouse = new PointerInputDevice(PointerKind.Mouse);
        var strokes = new ActionSequence(mouse);
        foreach (var (index, (x, y)) in points.Index())
        {
            var (right, down) = ((int)((x - 0.5) * size.Width), (int)((y - 0.5) * size.Height));
            strokes.AddAction(mouse.CreatePointerMove(canvas, right, down, TimeSpan.FromMilliseconds(index == 0 ? 0 : 60)));
            if (index == 0)
                strokes.AddAction(mouse.CreatePointerDown(MouseButton.Left));
        }

        strokes.AddAction(mouse.CreatePointerUp(MouseButton.Left));
        driver.PerformActions([strokes]);
    }

    /// <summary>Moves the mouse over an element.</summary>
    /// <param name="x">Fraction of its width, from the left.</param>
    /// <param name="y">Fraction of its height, from the top.</param>
    public void Point(IWebElement element, double x = 0.5, double y = 0.5)
    {
        driver.ExecuteScript("arguments[0].scrollIntoView({ block: 'center', inline: 'center' })", element);
        var size = element.Size;
        new Actions(driver, TimeSpan.FromMilliseconds(20)).MoveToElement(
            element, (int)((x - 0.5) * size.Width), (int)((y - 0.5) * size.Height)).Perform();
    }

    /// <summary>Presses keys where the focus is.</summary>
    public void Press(params string[] keys) => keys.Aggregate(new Actions(driver), (actions, key) => actions.SendKeys(key)).Perform();

    // Waits for images and animations.
    private void Rest() => WaitUntil("the page to rest", () => Run<bool>(
        """
        return [...document.images].every(image => image.complete)
          && document.getAnimations().every(animation => animation.playState !== 'running');
        """));

    public IWebElement Focused => driver.SwitchTo().ActiveElement();

    /// <summary>Serious and critical findings of axe: rule, element and description.</summary>
    public IReadOnlyList<string> Barriers()
    {
        driver.ExecuteScript(new BundledAxeScriptProvider().GetScript());
        var found = (string)driver.ExecuteAsyncScript(
            "const done = arguments[0]; axe.run().then(found => done(JSON.stringify(found)), error => done(`axe failed: ${error}`))")!;
        Assert.StartsWith("{", found);
        var result = new AxeResult(JObject.Parse(found));
        Assert.NotEmpty(result.Passes);
        return [.. from rule in result.Violations
                   where rule.Impact is "serious" or "critical"
                   from node in rule.Nodes
                   select $"{rule.Id}: {node.Html}: {rule.Help}"];
    }

    /// <summary>A screenshot of the whole page as PNG. The window gets the height of the page, since only its inside is painted.</summary>
    public byte[] Photograph()
    {
        Resize(Run<int>("return innerWidth"), Run<int>("return document.documentElement.scrollHeight"));
        Rest();
        return driver.GetScreenshot().AsByteArray;
    }

    public void Dispose() => driver.Dispose();

    private void Resize(int width, int height)
    {
        var metrics = new Dictionary<string, object?>
        {
            ["width"] = width,
            ["height"] = height,
            ["deviceScaleFactor"] = 1,
            ["mobile"] = false,
        };
        Command("Emulation.setDeviceMetricsOverride", metrics);
    }

    private void Command(string name, Dictionary<string, object?> parameters) => driver.ExecuteCdpCommand(name, parameters);

    private static string? Find(string program) =>
        OperatingSystem.IsLinux()
            ? (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists)
            : null;
}
