using MnistCnn.Files;
using MnistCnn.Reporting;

namespace MnistCnn.Experiments;

/// <summary>An experiment whose measurements are rows of one kind: of its own it has networks, a measurement and a plot.</summary>
/// <typeparam name="TRow">What is measured: its properties are the columns of <c>measurements.csv</c>.</typeparam>
public abstract class Experiment<TRow> : Experiment
    where TRow : notnull
{
    /// <inheritdoc/>
    public override ResultTable Run(Laboratory laboratory)
    {
        List<TRow> rows = [];
        try
        {
            laboratory.Work([.. Plan(laboratory.Settings).Select(part => (part.Name, part.Work, (Action)(() => Measure(part))))]);
        }
        catch (OperationCanceledException)
        {
            // What was measured stays.
        }

        return Table(rows);

        void Measure(Part<TRow> part)
        {
            var before = rows.Count;
            try
            {
                part.Measure(laboratory, rows.Add);
            }
            finally
            {
                if (rows.Count > before)
                {
                    CsvFile.Write(laboratory.CsvPath, rows);
                    Chart.Draw(laboratory.PlotPath, Charts(rows));
                }
            }
        }
    }

    /// <summary>What is to be measured, in order: the seeds outermost, so that whatever is cut short is complete for some of them.</summary>
    protected abstract IEnumerable<Part<TRow>> Plan(ExperimentSettings settings);

    /// <summary>The plot, as rows of charts.</summary>
    protected abstract IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<TRow> rows);

    /// <summary>What came out.</summary>
    protected abstract ResultTable Table(IReadOnlyList<TRow> rows);
}
