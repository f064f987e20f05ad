using System.Text.RegularExpressions;
using k8s;
using k8s.Models;
using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>The jobs in docs/guides/slurm-and-kubernetes.md.</summary>
[Trait("Kind", "Waiting")]
public sealed partial class ClusterTests(SlurmCluster slurm) : IClassFixture<SlurmCluster>
{
    private const int MostLines = 25;
    private static readonly string Page = Path.Combine(RepositoryRoot.FullPath, "docs", "guides", "slurm-and-kubernetes.md");

    private const string Grid = "arch=plain lr=0.01,0.1 seed=1..3 --epochs 6 --train-limit 2000 --test-limit 500";

    [Fact]
    public async Task A_sweep_on_Slurm_with_a_requeued_task_gives_the_results_of_one_process()
    {
        Assert.SkipUnless(SlurmCluster.IsPossible, "this needs root and Slurm: apt-get install slurmctld slurmd slurm-client munge");
        var script = Block("bash");
        Assert.InRange(script.Split('\n').Length, 1, MostLines);
        script = Replace(script, "dotnet MnistCnn/MnistCnn.dll", ProgramRun.Command);
        script = Replace(script, "arch=residual,inception lr=0.01,0.05,0.1 seed=1..30 --epochs 10", Grid);
        script = Replace(script, "--array=1-8", "--array=1-2");
        script = Replace(script, "/8", "/2");
        script = Replace(script, "--cpus-per-task=2", "--cpus-per-task=1"); // both tasks run at once on two processors
        script = Replace(script, "--mem=2G", "--mem=1G");
        File.WriteAllText(slurm.Folder["sweep.sh"], script);

        var job = slurm.Shell("sbatch --parsable sweep.sh");
        Assert.Equal(("", 0), (job.Error, job.ExitCode));
        var first = slurm.Folder["sweep/arch=plain,lr=0.01,seed=1/metrics.jsonl"];
        await Until(() => File.Exists(first) && File.ReadAllLines(first).Length >= 2);
        Assert.Equal(0, slurm.Shell($"scontrol requeue {job.Output.Trim()}_1").ExitCode);

        // Slurm would wait two minutes before it starts a requeued task again.
        var startNow = $"scontrol update JobId={job.Output.Trim()}_1 StartTime=now";
        await Until(() => slurm.Shell($"{startNow}; squeue --noheader").Output.Length == 0);
        var log = File.ReadAllText(slurm.Folder["sweep-1.log"]);
        Assert.Contains("Stopped. The results so far are in the files.", log);
        Assert.Contains("Part 1/2 is done", log);
        Assert.Contains("Part 2/2 is done", File.ReadAllText(slurm.Folder["sweep-2.log"]));

        Assert.Equal(0, slurm.Shell($"{ProgramRun.Command} sweep --merge sweep").ExitCode);
        Assert.Equal(0, slurm.Shell($"{ProgramRun.Command} sweep {Grid} --threads 1 --out alone").ExitCode);
        Assert.Equal(Results("alone"), Results("sweep"));
        Assert.Equal(File.ReadAllBytes(slurm.Folder["alone/plot.png"]), File.ReadAllBytes(slurm.Folder["sweep/plot.png"]));
    }

    [Fact]
    public void Srun_starts_the_processes_of_a_training_as_mpiexec_does()
    {
        Assert.SkipUnless(
            SlurmCluster.IsPossible && File.Exists("/usr/bin/mpiexec.mpich"),
            "this needs root, Slurm and MPICH: apt-get install mpich slurmctld slurmd slurm-client munge");
        var train = $"{ProgramRun.Command} train --arch residual --train-limit 640 --test-limit 200 --epochs 2";
        var srun = slurm.Shell($"srun --mpi=pmi2 --ntasks=2 {train} --out srun");
        Assert.True(srun.ExitCode == 0, srun.Error);
        Assert.Contains("2 of 2 epochs on cpu in 2 processes", srun.Output);
        Assert.Equal(0, slurm.Shell($"mpiexec.mpich -n 2 {train} --out mpiexec").ExitCode);
        var weights = File.ReadAllBytes(slurm.Folder["mpiexec/model.safetensors"]);
        Assert.Equal(weights, File.ReadAllBytes(slurm.Folder["srun/model.safetensors"]));
    }

    [Fact]
    public void The_Kubernetes_job_is_valid()
    {
        var text = Block("yaml");
        Assert.InRange(text.Split('\n').Length, 1, MostLines);
        var spec = KubernetesYaml.Deserialize<V1Job>(text, strict: true).Spec;
        Assert.Equal(("Indexed", spec.Completions), (spec.CompletionMode, spec.Parallelism));
        var container = Assert.Single(spec.Template.Spec.Containers);
        Assert.Contains($"--shard $((JOB_COMPLETION_INDEX + 1))/{spec.Completions} ", Assert.Single(container.Args));
        Assert.Equal(Assert.Single(spec.Template.Spec.Volumes).Name, Assert.Single(container.VolumeMounts).Name);
        var misspelled = text.Replace("completionMode", "completionsMode");
        Assert.ThrowsAny<Exception>(() => KubernetesYaml.Deserialize<V1Job>(misspelled, strict: true));

        // Kubernetes counts jobs from 0, shards count from 1.
        var line = container.Args[0].Replace("exec dotnet MnistCnn.dll sweep", "echo").Replace("\n", " ");
        Assert.Contains("--shard 8/8 ", ProgramRun.OfShell(Path.GetTempPath(), $"JOB_COMPLETION_INDEX=7; {line}").Output);
    }

    private static string Block(string language) =>
        Fenced().Matches(File.ReadAllText(Page).ReplaceLineEndings("\n"))
            .Single(block => block.Groups["language"].Value == language).Groups["text"].Value;

    private static string Replace(string text, string old, string now)
    {
        Assert.Contains(old, text);
        return text.Replace(old, now);
    }

    private async Task Until(Func<bool> condition)
    {
        for (var tries = 0; !condition(); tries++)
        {
            Assert.True(tries < 3000, slurm.Shell("squeue; tail -n 5 *.log").Output);
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    private string Results(string name) =>
        string.Join('\n', File.ReadAllLines(slurm.Folder[$"{name}/results.csv"]).Select(line => line[..line.LastIndexOf(',')]));

    [GeneratedRegex("^```(?<language>\\w+)\n(?<text>.*?)\n```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fenced();
}
