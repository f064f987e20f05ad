using OpenQA.Selenium;

namespace MnistCnn.SystemTests;

/// <summary>The views of the runs and of the confusion matrix.</summary>
[Trait("Kind", "Waiting")]
[Collection(typeof(ThePage))]
public sealed class RunsPageTests(ServedPage page) : IDisposable
{
    public void Dispose() => page.AssertQuiet();

    [Fact]
    public void A_running_run_is_updated()
    {
        const int Epochs = 3;
        var browser = page.Open("runs");
        browser.Run<bool>("window.isTheSamePage = true; return true");
        // An epoch takes longer than the server needs to see that the one before is done.
        using var training = page.Start(
            "train", "--arch", "residual", "--threads", "1", "--train-limit", "9600", "--test-limit", "1000",
            "--epochs", $"{Epochs}", "--out", "runs/watched");
        List<string> states = [];
        List<int> points = [];
        Browser.WaitUntil("the run to be finished", () =>
        {
            Note(states, browser.Run<string>("return document.querySelector('[data-run=watched] .status span')?.textContent ?? ''"));
            Note(points, browser.Run<int>("return document.querySelectorAll('.chart:first-child [data-run=watched] .dot').length"));
            return states.Contains("finished");
        });
        training.WaitForExit();
        Assert.Equal(["", "running", "finished"], states);
        Assert.Equal([0, 1, 2, 3], points);
        Assert.Equal($"{Epochs} of {Epochs}", browser.Find("tr[data-run=watched] .epochs").Text);
        Assert.True(browser.Run<bool>("return window.isTheSamePage"));

        static void Note<T>(List<T> seen, T value)
        {
            if (seen.Count == 0 || !seen[^1]!.Equals(value))
                seen.Add(value);
        }
    }

    [Fact]
    public void Runs_are_compared_in_charts_and_a_table()
    {
        page.Train("first");
        page.CopyRun("first", "second");
        var browser = page.Open("runs?pick=first");
        Assert.Equal(["first"], WaitForLines(1));
        browser.Find("tr[data-run=second] input").Click();
        Assert.Equal(["first", "second"], WaitForLines(2));
        Assert.EndsWith("#/runs?pick=first&pick=second", browser.Run<string>("return location.href"));
        Assert.Equal(["first", "second"], browser.FindAll(".chart:first-child .label").Select(label => label.Text).Order());

        var run = page.Json("api/runs").GetProperty("runs").EnumerateArray().Single(run => run.GetProperty("name").GetString() == "first");
        var accuracies = run.GetProperty("epochs").EnumerateArray()
            .Select(epoch => FormattableString.Invariant($"{epoch.GetProperty("test_accuracy").GetDouble():0.00} %")).ToArray();
        Assert.Equal(accuracies[^1], browser.Find("tr[data-run=first] .last").Text);
        browser.Find(".in-numbers summary").Click();
        browser.Find(".in-numbers td");
        Assert.Equal(accuracies, browser.FindAll(".in-numbers td:nth-child(2)").Select(cell => cell.Text.Split(';')[0]));

        page.DeleteRun("second");
        Assert.Equal(["first"], WaitForLines(1));
        Assert.Empty(browser.FindAll("tr[data-run=second]"));
        browser.Find("tr[data-run=first] .links a").Click();
        Browser.WaitUntil("the network of the run", () => browser.FindAll("[data-model='run:first']").Count > 0);
        Browser.WaitUntil("its answer", () => browser.Find("#answer").Text != "–");

        string[] WaitForLines(int count) => [.. Browser.WaitFor(
            $"{count} lines",
            () => browser.FindAll(".chart:first-child [data-run]") is var lines
                && lines.Count == count ? lines : null).Select(line => line.GetAttribute("data-run")!)];
    }

    [Fact]
    public void A_killed_run_is_interrupted_and_does_not_hide_the_latest_finished_one()
    {
        page.Train("first");
        page.CopyRun("first", "killed");
        var info = page.PathOf("runs/killed/run.json");
        var contents = File.ReadAllText(info).Replace("\"finished\"", "\"running\"");
        File.WriteAllText(info, contents.Replace("\"started\": \"20", "\"started\": \"21"));
        var browser = page.Open("runs");
        Browser.WaitUntil(
            "its status", () => browser.FindAll("tr[data-run=killed] .status span").Any(status => status.Text == "interrupted"));
        Browser.WaitUntil("the curve of another run", () => browser.FindAll(".chart:first-child [data-run]").Count > 0);
        Assert.Empty(browser.FindAll(".chart:first-child [data-run=killed]"));
        Assert.Empty(browser.FindAll("tr[data-run=killed] progress"));
        Browser.WaitUntil("its note", () => browser.Run<string>("return document.querySelector('#runs').textContent")
            .Contains("Resume killed with: dotnet run train --resume "));
        page.DeleteRun("killed");
        Browser.WaitUntil("it to be gone", () => browser.FindAll("tr[data-run=killed]").Count == 0);
    }

    [Theory]
    [InlineData("toString")]
    [InlineData("__proto__")]
    [InlineData("constructor?x=%E0")]
    [InlineData("confusion/%E0")]
    [InlineData("runs?pick=%E0")]
    public void Any_address_of_a_view_can_be_left(string view)
    {
        var browser = page.Open(view);
        browser.Find("nav [data-view=runs]").Click();
        Browser.WaitUntil("the runs", () => browser.FindAll("#runs h2").Any(title => title.Displayed));
        _ = browser.Complaints; // the server knows no network of that name
    }

    [Fact]
    public void After_a_restart_of_the_server_the_page_says_that_its_address_is_old_and_continues_once_the_new_one_is_open()
    {
        page.Train("first");
        page.CopyRun("first", "deleted");
        var browser = page.Open("runs");
        browser.Find("tr[data-run=deleted]");
        page.Restart(() => page.DeleteRun("deleted"));
        Browser.WaitUntil("the message", () => browser.Find(".run-problem").Text.Contains("belongs to the old address"));
        browser.Find("tr[data-run=deleted]");
        // As another tab does.
        browser.Run<bool>("fetch(arguments[0], { credentials: 'include' }); return true", page.Address.PathAndQuery);
        Browser.WaitUntil("the deleted run to be gone", () => browser.FindAll("tr[data-run=deleted]").Count == 0);
        Browser.WaitUntil("no message", () => browser.FindAll(".run-problem")[0].Text == "");
        Assert.DoesNotContain("token", browser.Run<string>("return location.href"));
        _ = browser.Complaints; // requests that failed
    }

    [Fact]
    public void A_link_on_another_site_to_the_printed_address_opens_the_page()
    {
        var browser = page.Open("runs");
        browser.Find("#runs h2");
        var link = $"data:text/html,<a id=link href='{page.Address}'>page</a>";
        browser.Visit(link);
        browser.Find("#link").Click();
        Browser.WaitUntil("the first view", () => browser.FindAll("#pen").Count == 1);
        Assert.DoesNotContain("token", browser.Run<string>("return location.href"));
    }

    [Fact]
    public void A_cell_of_the_confusion_matrix_opens_its_images_in_the_first_view()
    {
        var browser = page.Open("confusion/residual");
        var evaluation = page.Json("api/models/residual/evaluation");
        var (labels, predictions) = (Numbers("labels"), Numbers("predictions"));
        var counts = new int[10, 10];
        foreach (var (label, prediction) in labels.Zip(predictions))
            counts[label, prediction]++;
        browser.Find(".matrix");
        Assert.Equal(
            counts.Cast<int>(),
            browser.Run<int[]>(
                "return [...document.querySelectorAll('.matrix [data-true]')].map(cell => Number(cell.textContent.replace('·', '0')))"));

        // The first mistake; its images are those behind the cell.
        var mistake = labels.Zip(predictions).Index().First(image => image.Item.First != image.Item.Second).Item;
        var cell = $".matrix [data-true='{mistake.First}'][data-answer='{mistake.Second}']";
        browser.Find(cell).Click();
        int[] behind = [.. Enumerable.Range(0, labels.Length).Where(image => (labels[image], predictions[image]) == mistake)];
        Assert.Equal(behind, Shown().Order());
        Browser.WaitUntil(
            "the pictures",
            () => browser.Run<bool>("return [...document.querySelectorAll('.image-list img')].every(image => image.naturalWidth === 28)"));

        var first = Shown()[0];
        browser.Find(".image-list a").Click();
        Browser.WaitUntil(
            "the first view with its answer", () => browser.FindAll("#answer").Any(answer => answer.Text == $"{mistake.Second}"));
        Assert.Contains($"Image {first + 1:N0} of 10,000. Its class: {mistake.First}", browser.Find("#image-caption").Text);
        browser.Run<bool>("history.back(); return true");
        Browser.WaitUntil("the cell to be open again", () => browser.FindAll($"{cell}.open").Count == 1);

        int[] Numbers(string name) => [.. evaluation.GetProperty(name).EnumerateArray().Select(number => number.GetInt32())];

        int[] Shown() => browser.Run<int[]>(
            """
            return [...document.querySelectorAll('.image-list a')]
              .map(link => Number(new URLSearchParams(link.href.split('?')[1]).get('image')));
            """);
    }

    [Fact]
    public void The_keyboard_opens_a_cell_and_more_of_its_images()
    {
        var browser = page.Open("confusion/residual");
        var corner = browser.Find(".matrix [data-true='0'][data-answer='0']");
        browser.Run<bool>("arguments[0].focus(); return true", corner);
        browser.Press(Keys.ArrowRight, Keys.ArrowDown, Keys.Enter);
        Assert.StartsWith("1 classified correctly: ", browser.Find(".behind h2").Text);
        var all = int.Parse(
            browser.Find(".matrix [data-true='1'][data-answer='1']").Text, System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(100, browser.FindAll(".image-list a").Count);
        for (var shown = 100; shown < all; shown += 200)
        {
            Assert.Equal(shown, browser.FindAll(".image-list a").Count);
            browser.Find(".behind .more").SendKeys(Keys.Enter);
        }

        Assert.Equal(all, browser.FindAll(".image-list a").Count);
        Assert.Empty(browser.FindAll(".behind .more"));
        browser.Find(".behind .quiet").SendKeys(Keys.Enter);
        Assert.Equal(("1", "1"), (browser.Focused.GetAttribute("data-true"), browser.Focused.GetAttribute("data-answer")));
        Assert.Empty(browser.FindAll(".image-list"));
    }
}
