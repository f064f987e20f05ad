namespace MnistCnn.Tests;

/// <summary>Code in the documentation follows the rules, and its commands are valid. Commands of the program run in order.</summary>
public sealed class DocumentedCommandsTests
{
    // MNIST_CNN_PAGE=guides/serve tests the pages with this in their path, for an author.
    private static readonly string? Chosen = Environment.GetEnvironmentVariable("MNIST_CNN_PAGE");

    public static TheoryData<string> Pages { get; } =
    [
        .. DocumentedPage.Names.Where(name => Chosen is null || name.Contains(Chosen, StringComparison.Ordinal)),
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Code_follows_the_rules_and_every_command_is_valid(string page)
    {
        var problems = string.Join('\n', DocumentedPageRules.FindProblems(DocumentedPage.Read(page)));
        Assert.True(problems.Length == 0, problems);
    }

    /// <summary>Chinese pages have the commands of the English ones.</summary>
    public static TheoryData<string> PagesToRun { get; } =
        [.. Pages.Select(page => page.Data).Where(name => !name.EndsWith(".zh.md", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(PagesToRun))]
    [Trait("Speed", "Slow")]
    public void Commands_of_the_program_run(string page)
    {
        using var run = new DocumentedPageRun(runsOthers: false);
        run.Run(DocumentedPage.Read(page));
    }

    [Theory]
    [InlineData("    dotnet run --project src/MnistCnn predict photo.png --topp 3", "page.md:1: ", "--topp")]
    [InlineData("    dotnet run --project src/MnistCnn train --arch resnet19 --train-limit 9", "page.md:1: ", "'resnet19'")]
    [InlineData("    dotnet run --project src/MnistCnn train", "page.md:1: ", "ten seconds")]
    [InlineData("    pyhton3 tests/reference/article.py", "page.md:1: ", "no such command")]
    [InlineData("    dotnet tool install --global MnistCnn", "page.md:1: ", "no such command")]
    [InlineData("    dotnet test -- --filter-class \"*NoSuchTests\"", "page.md:1: ", "NoSuchTests")]
    [InlineData("Text and `dotnet run predikt photo.png`.", "page.md:1: ", "predikt")]
    [InlineData("See `train --ephocs 3`.", "page.md:1: ", "--ephocs")]
    [InlineData("See `--ephocs`.", "page.md:1: ", "--ephocs")]
    [InlineData("| a |\n| --- |\n| `mnist-cnn train --ephocs 3` |", "page.md:3: ", "'--ephocs'")]
    [InlineData("```sh\ndotnet run train\n```", "page.md:2: ", "not run: REASON")]
    [InlineData("<!-- not run: too long -->\n```sh\ndotnet run train\n```", "page.md:3: ", "not run: REASON")]
    [InlineData("<!-- not run: MPI -->\n```sh\nmpiexec dotnet \\\n  MnistCnn/MnistCnn.dll train --ar plain\n```", "page.md:3: ", "'--ar'")]
    [InlineData("```bash\ncurl localhost:8080\n```", "page.md:2: ", "tested by")]
    [InlineData("<!-- tested by: ClusterTests -->\n```bash\nsrun dotnet MnistCnn/MnistCnn.dll sweep lr=0\n```", "page.md:3: ", "lr")]
    [InlineData("```python\nself.conv1 = Conv3d(channels)\n```", "page.md:2: ", "no excerpt")]
    [InlineData("```csharp\nvar x = NoSuchFunction();\n```", "page.md:2: ", "no excerpt")]
    [InlineData("<!-- file: a.cs -->\n```csharp\n1\n```", "page.md:3: ", "a.cs")]
    [InlineData("<!-- tested by: NoSuchTests -->\n```csharp\n1\n```", "page.md:3: ", "NoSuchTests")]
    [InlineData("```console\n$ ls\n```", "page.md:2: ", "console")]
    public void A_fault_is_found_with_its_line(string text, string place, string part)
    {
        var problem = Assert.Single(DocumentedPageRules.FindProblems(DocumentedPage.Parse("page.md", text)));
        Assert.StartsWith(place, problem);
        Assert.Contains(part, problem);
    }

    [Theory]
    [InlineData("    cd src/MnistCnn\n    dotnet run evaluate nowhere.safetensors", "page.md:2: ", "nowhere.safetensors")]
    [InlineData("    dotnet run --project src/MnistCnn predict docs/renamed.jpg", "page.md:1: ", "renamed.jpg")]
    [InlineData("    dotnet run doctor", "page.md:1: ", "no project")]
    [InlineData("    cd src/Renamed", "page.md:1: ", "does not exist")]
    [InlineData("    mnist-cnn summary --arch plain\n\n```text\nNetwork  Parameters  Colours\n```", "page.md:4: ", "Colours")]
    public void A_command_that_fails_is_found_with_its_line(string text, string place, string part)
    {
        using var run = new DocumentedPageRun(runsOthers: false);
        var failure = Assert.ThrowsAny<Exception>(() => run.Run(DocumentedPage.Parse("page.md", text)));
        Assert.StartsWith(place, failure.Message);
        Assert.Contains(part, failure.Message);
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public void Files_of_the_repository_and_of_the_reader_exist_and_nothing_is_written_into_the_repository()
    {
        using var run = new DocumentedPageRun(runsOthers: false);
        run.Run(DocumentedPage.Parse("page.md", """
                dotnet run --project src/MnistCnn predict docs/photo.jpg photo.png
                cd src/MnistCnn
                dotnet run train --arch plain --data flowers --epochs 1 \
                    --out runs/flowers
                dotnet run evaluate runs/flowers --data flowers > results.txt

            <!-- not run: training above ten seconds -->
            ```sh
            dotnet run train --arch plain --out runs/all
            ```

                dotnet run compare runs/all runs/residual-20261124-041512 runs/flowers

            ```text
            Run  Network  Parameters  Epochs
            ```

                dotnet run serve --no-browser --port 8080
            """));
        string[] made = ["photo.png", "src/MnistCnn/flowers", "src/MnistCnn/results.txt", "src/MnistCnn/runs/flowers"];
        Assert.All(made, path => Assert.False(Path.Exists(Path.Combine(RepositoryRoot.FullPath, path)), path));
    }
}
