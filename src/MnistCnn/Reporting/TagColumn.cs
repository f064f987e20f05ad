using Spectre.Console;
using Spectre.Console.Rendering;

namespace MnistCnn.Reporting;

/// <summary>The column of a progress bar that shows the text which the bar carries as its tag.</summary>
public sealed class TagColumn : ProgressColumn
{
    /// <inheritdoc/>
    protected override bool NoWrap => true;

    /// <inheritdoc/>
    public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
        new Text(task.Tag as string ?? "").Overflow(Overflow.Ellipsis);
}
