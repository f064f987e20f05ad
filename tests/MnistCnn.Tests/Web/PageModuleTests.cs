using MnistCnn.Web;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Tests.Web;

/// <summary>Modules of the page that compute: frames, requests, confusion matrix, convolution.</summary>
public sealed class PageModuleTests
{
    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("猫 \"ä\" 🙂")]
    public void The_page_reads_the_frames_that_the_server_writes(string text)
    {
        var writer = new FrameWriter();
        var bytes = writer.Add([1, 2, 255]);
        var floats = writer.Add([0.5f, -3e30f]);
        var module = new PageModule("frame.js").With("contents", writer.Finish(new { text, bytes, floats }).Select(value => (int)value));
        Assert.Equal(text, module.Evaluate<string>("(globalThis.frame = new page.Frame(new Uint8Array(contents).buffer)).json.text"));
        Assert.Equal([1, 2, 255], module.Evaluate<int[]>("[...frame.bytes(frame.json.bytes, 3)]"));
        Assert.Equal([0.5f, -3e30f], module.Evaluate<float[]>("[...frame.floats(frame.json.floats, 2)]"));
    }

    [Fact]
    public void Requests_are_sent_one_at_a_time_and_only_the_latest_waits()
    {
        var module = Requests();
        Assert.Equal(["first"], module.Evaluate<string[]>("(['first', 'second', 'third'].forEach(send), sent)"));
        Assert.Equal(["second: null"], module.Evaluate<string[]>("results"));
        module.Evaluate<object?>("finish('first')");
        Assert.Equal(["second: null", "first: done"], module.Evaluate<string[]>("results"));
        Assert.Equal(["first", "third"], module.Evaluate<string[]>("sent"));
        module.Evaluate<object?>("finish('third')");
        Assert.Equal(["second: null", "first: done", "third: done"], module.Evaluate<string[]>("results"));
        Assert.Equal("fourth", module.Evaluate<string[]>("(send('fourth'), sent)")[^1]);
    }

    [Fact]
    public void A_request_that_fails_reports_its_error_and_the_next_one_is_sent()
    {
        var module = Requests();
        module.Evaluate<object?>("(['first', 'second'].forEach(send), fail('first'))");
        Assert.Equal(["first: failed"], module.Evaluate<string[]>("results"));
        Assert.Equal(["first", "second"], module.Evaluate<string[]>("sent"));
    }

    [Fact]
    public void Stopping_cancels_the_running_and_the_waiting_request()
    {
        var module = Requests();
        module.Evaluate<object?>("(['first', 'second'].forEach(send), latest.stop())");
        Assert.True(module.Evaluate<bool>("signals.first.aborted"));
        module.Evaluate<object?>("fail('first')"); // as fetch does then
        Assert.Equal(["second: null", "first: null"], module.Evaluate<string[]>("results"));
        Assert.Equal(["first"], module.Evaluate<string[]>("sent"));
    }

    [Fact]
    public void A_stream_of_events_is_opened_again_after_an_error_status()
    {
        var module = new PageModule("events.js");
        module.Evaluate<object?>(
            """
            (() => {
              Object.assign(globalThis, { sources: [], log: [], timers: [] });
              globalThis.EventSource = class {
                static CLOSED = 2;
                readyState = 0;
                #listeners = {};
                constructor(url) { log.push(url); sources.push(this); }
                addEventListener(type, listener) { this.#listeners[type] = listener; }
                send(type, data, state = 1) { this.readyState = state; this.#listeners[type]({ data: JSON.stringify(data) }); }
                close() { log.push('close'); }
              };
              globalThis.setTimeout = action => timers.push(action);
              globalThis.clearTimeout = timer => timers.splice(timer - 1, 1);
              const state = { opened: () => log.push('opened'), lost: () => log.push('lost') };
              globalThis.connection = new page.EventConnection('events', { run: ({ name }) => log.push(name) }, state);
            })()
            """);
        module.Evaluate<object?>("(sources[0].send('open'), sources[0].send('run', { name: 'first' }))");
        module.Evaluate<object?>("sources[0].send('error', {}, 0)"); // the browser itself tries again
        Assert.Equal(["events", "opened", "first", "lost"], module.Evaluate<string[]>("log"));
        Assert.Equal(0, module.Evaluate<int>("timers.length"));
        module.Evaluate<object?>("sources[0].send('error', {}, 2)");
        Assert.Equal(1, module.Evaluate<int>("timers.length"));
        module.Evaluate<object?>("(timers.shift()(), sources[1].send('open'), sources[1].send('run', { name: 'second' }))");
        Assert.Equal(["lost", "events", "opened", "second"], module.Evaluate<string[]>("log.slice(4)"));
        module.Evaluate<object?>("(sources[1].send('error', {}, 2), connection.close())");
        Assert.Equal(0, module.Evaluate<int>("timers.length"));
    }

    [Fact]
    public void The_confusion_matrix_counts_images_and_names_the_most_frequent_mistakes()
    {
        var counts = new PageModule("counts.js");
        counts.Evaluate<object?>(
            "(globalThis.counts = new page.ConfusionCounts(4, [0, 0, 0, 1, 1, 2, 2, 2, 2], [0, 0, 1, 0, 0, 2, 1, 1, 1]), null)");
        Assert.Equal(
            [[2, 1, 0, 0], [2, 0, 0, 0], [0, 3, 1, 0], [0, 0, 0, 0]],
            counts.Evaluate<int[][]>("[0, 1, 2, 3].map(label => [0, 1, 2, 3].map(prediction => counts.of(label, prediction)))"));
        Assert.Equal([3, 2, 4, 0], counts.Evaluate<int[]>("[0, 1, 2, 3].map(label => counts.total(label))"));
        Assert.Equal([1, 0.75, 0], counts.Evaluate<double[]>("[counts.fraction(1, 0), counts.fraction(2, 1), counts.fraction(3, 3)]"));
        Assert.Equal(
            ["2 1 3", "1 0 2"],
            counts.Evaluate<string[]>("counts.mistakes(2).map(({ label, prediction, count }) => `${label} ${prediction} ${count}`)"));
        Assert.Equal(3, counts.Evaluate<int>("counts.mistakes(12).length"));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    public void The_contributions_of_the_input_channels_add_up_to_the_convolution(int stride, int padding)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var (input, weights) = (randn([1, 3, 6, 7], generator: generator), randn([1, 3, 3, 2], generator: generator));
        var output = conv2d(input, weights, strides: [stride, stride], padding: [padding, padding])[0, 0];
        var module = new PageModule("convolution.js").With("values", Values(input)).With("weights", Values(weights));
        module.Evaluate<object?>(
            "(globalThis.kernel = { kernel: [3, 2], input: [3, 6, 7], values, weights, "
            + $"stride: [{stride}, {stride}], padding: [{padding}, {padding}] }}, null)");
        for (var row = 0; row < output.shape[0]; row++)
            for (var column = 0; column < output.shape[1]; column++)
            {
                var contributions = module.Evaluate<double[]>($"page.contributionsOf(kernel, {row}, {column})");
                Assert.Equal(3, contributions.Length);
                Assert.Equal(output[row, column].item<float>(), contributions.Sum(), 1e-5);
            }

        Assert.Equal(padding == 1 ? 4 : 0, module.Evaluate<double?[]>("page.patchOf(kernel, 0, 0, 0)").Count(value => value is null));
    }

    [Fact]
    public void Channels_are_ranked_by_the_size_of_their_contributions()
    {
        var module = new PageModule("convolution.js");
        Assert.Equal([1, 2, 0], module.Evaluate<int[]>("page.rankChannels([0.5, -3, 2])"));
        Assert.Equal([0, 1, 2], module.Evaluate<int[]>("page.rankChannels([0.5, -3, 2], 0)"));
    }

    private static float[] Values(Tensor tensor) => tensor.contiguous().data<float>().ToArray();

    // Requests by name: `send` asks for one; `finish` and `fail` end it.
    private static PageModule Requests()
    {
        var module = new PageModule("latest.js");
        module.Evaluate<object?>(
            """
            (() => {
              Object.assign(globalThis, { latest: new page.LatestRequest(), sent: [], results: [], signals: {} });
              const ends = {};
              globalThis.send = name => {
                latest.ask(signal => new Promise((resolve, reject) => {
                  sent.push(name);
                  signals[name] = signal;
                  ends[name] = { resolve, reject };
                })).then(result => results.push(`${name}: ${result}`), error => results.push(`${name}: ${error.message}`));
              };
              globalThis.finish = name => ends[name].resolve('done');
              globalThis.fail = name => ends[name].reject(new Error('failed'));
            })()
            """);
        return module;
    }
}
