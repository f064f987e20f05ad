using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;

namespace MnistCnn.Tests.Web;

/// <summary>The files of the page.</summary>
[Collection<ServerWithModels.Shared>]
public sealed partial class PageFilesTests(ServerWithModels models)
{
    [Fact]
    public async Task Every_file_that_the_page_names_is_served_with_its_type()
    {
        var seen = new Dictionary<string, string?>();
        var paths = new Queue<string>(["/"]);
        while (paths.TryDequeue(out var path))
        {
            using var response = await models.Server.Client.GetAsync(path, TestContext.Current.CancellationToken);
            Assert.True(response.StatusCode == HttpStatusCode.OK, path);
            seen[path] = response.Content.Headers.ContentType?.ToString();
            var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            foreach (Match name in FileNames().Matches(text))
                if (!seen.ContainsKey($"/{name.Value}"))
                    paths.Enqueue($"/{name.Value}");
        }

        Assert.True(seen.Count > 20);
        Assert.All(seen, file => Assert.Equal(
            Path.GetExtension(file.Key) switch
            {
                ".js" => "text/javascript; charset=utf-8",
                ".css" => "text/css; charset=utf-8",
                ".svg" => "image/svg+xml",
                _ => "text/html; charset=utf-8",
            },
            file.Value));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/app.js")]
    public async Task A_file_that_the_browser_has_is_not_sent_again(string path)
    {
        using var first = await models.Server.Client.GetAsync(path, TestContext.Current.CancellationToken);
        Assert.Equal("no-cache", first.Headers.CacheControl?.ToString()); // the browser asks each time
        var tag = first.Headers.ETag!;
        Assert.False(tag.IsWeak);
        var other = new EntityTagHeaderValue("\"other\"");
        foreach (var (known, status) in new[] { (tag, HttpStatusCode.NotModified), (other, HttpStatusCode.OK) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.IfNoneMatch.Add(known);
            using var response = await models.Server.Client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal((status, tag), (response.StatusCode, response.Headers.ETag));
            var contents = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            Assert.Equal(status == HttpStatusCode.NotModified, contents.Length == 0);
        }
    }

    [GeneratedRegex(@"[a-z]+\.(?:js|css|svg)\b(?=['""])")]
    private static partial Regex FileNames();
}
