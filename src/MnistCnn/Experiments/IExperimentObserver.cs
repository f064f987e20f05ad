using MnistCnn.Charts;
using MnistCnn.Jobs;

namespace MnistCnn.Experiments;

/// <summary>An experiment in its folder.</summary>
internal interface IExperimentRun : IDisposable
{
    /// <summary>Full path of the folder.</summary>
    string Folder { get; }

    /// <summary>Record and results so far.</summary>
    ExperimentStatus Status { get; }

    /// <summary>Runs the trials that are not done, writes the results after each, and draws the plot again.</summary>
    /// <param name="workers">Processes that run trials side by side; null for this process.</param>
    /// <returns>Whether the experiment finished; false if it was cancelled.</returns>
    /// <exception cref="IOException">A file cannot be written, or a worker failed.</exception>
    /// <exception cref="Runtime.UserException">A network cannot be trained, or all trainings diverged.</exception>
    bool Measure(Workers? workers, CancellationToken cancellation);

    /// <summary>Runs the trials that standard input names, in a folder that another process has opened.</summary>
    void ServeWorker(CancellationToken cancellation);
}

/// <summary>Shows the progress of experiments and draws their plots.</summary>
internal interface IExperimentObserver
{
    /// <summary>Shows the progress that <paramref name="work"/> reports until it returns.</summary>
    void ShowProgress(Action<Action<JobProgress>> work);

    /// <summary>Draws images of a trial into the folder of its experiment, in the process that runs the trial.</summary>
    void OnImages(string folder, ImageGrid images);

    /// <summary>Draws the results so far.</summary>
    void OnResults(string folder, ExperimentInfo info, ExperimentResults results);

    /// <summary>Announces the next experiment of a suite.</summary>
    void OnExperimentStart(Experiment experiment, int number, int count);

    /// <summary>Reports on an experiment of a suite.</summary>
    void OnExperimentEnd(ExperimentSuite suite, ExperimentStatus status);
}
