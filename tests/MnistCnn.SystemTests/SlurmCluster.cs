using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>
/// A Slurm cluster of one machine with its own configuration, ports and folder; an installed cluster is not used. It needs root and
/// Debian's packages slurmctld, slurmd, slurm-client and munge.
/// </summary>
public sealed class SlurmCluster : IDisposable
{
    private const int Processors = 2;

    private readonly TemporaryFolder folder = new();

    /// <exception cref="InvalidOperationException">The cluster does not start.</exception>
    public SlurmCluster()
    {
        if (!IsPossible)
            return;
        Directory.CreateDirectory(folder["munge"]);
        foreach (var name in new[] { "state", "spool" })
            Directory.CreateDirectory(folder[name]);
        File.WriteAllText(Configuration, Settings(Environment.MachineName.Split('.')[0]));

        // munged refuses a folder that others may enter or that is not its own user's.
        Require(Shell($"chmod 755 '{folder.FullPath}' && chown munge '{folder["munge"]}'"));
        Require(Shell($"runuser -u munge -- munged --socket='{Socket}' --pid-file='{folder["munge/pid"]}' "
            + $"--log-file='{folder["munge/log"]}' --seed-file='{folder["munge/seed"]}'"));
        Require(Shell("slurmctld && slurmd"));
        for (var tries = 0; !Shell("sinfo --noheader --format=%t").Output.Contains("idle", StringComparison.Ordinal); tries++)
        {
            if (tries == 100)
                throw new InvalidOperationException($"Slurm has no idle node: {Shell("sinfo; tail *.log").Output}");
            Thread.Sleep(200);
        }
    }

    public static bool IsPossible { get; } = OperatingSystem.IsLinux() && Environment.UserName == "root"
        && File.Exists("/usr/sbin/slurmctld") && File.Exists("/usr/sbin/munged");

    /// <summary>Working folder of jobs.</summary>
    public TemporaryFolder Folder => folder;

    private string Configuration => folder["slurm.conf"];

    private string Socket => folder["munge/socket"];

    /// <summary>Runs a shell command in the folder; Slurm's commands talk to this cluster.</summary>
    public ProgramRun Shell(string line) => ProgramRun.Finish(ProgramRun.Start(new ProcessStartInfo("sh", ["-c", line])
    {
        WorkingDirectory = folder.FullPath,
        Environment = { ["SLURM_CONF"] = Configuration, ["PATH"] = $"/usr/sbin:/sbin:{Environment.GetEnvironmentVariable("PATH")}" },
    }));

    public void Dispose()
    {
        if (IsPossible)
        {
            // The commands that stop the daemons do not wait for them, and the controller still writes its state.
            var daemons = new[] { "slurmctld.pid", "slurmd.pid", "munge/pid" }.Select(file => Find(folder[file])).ToArray();
            Shell("scancel --user=root; scontrol shutdown");
            Shell($"kill $(cat '{folder["munge/pid"]}')");
            foreach (var daemon in daemons)
                End(daemon);
        }

        folder.Dispose();
    }

    private static Process? Find(string pidFile)
    {
        try
        {
            return Process.GetProcessById(int.Parse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture));
        }
        catch (Exception exception) when (exception is IOException or FormatException or ArgumentException)
        {
            return null; // not running
        }
    }

    private static void End(Process? daemon)
    {
        if (daemon is null)
            return;
        using (daemon)
        {
            var patience = TimeSpan.FromSeconds(30);
            if (daemon.WaitForExit(patience))
                return;
            daemon.Kill();
            daemon.WaitForExit(patience);
        }
    }

    private static void Require(ProgramRun run)
    {
        if (run.ExitCode != 0)
            throw new InvalidOperationException($"Slurm does not start: {run.Output}{run.Error}");
    }

    private string Settings(string host)
    {
        var (controller, daemon) = (FreePort(), FreePort());
        return $"""
            ClusterName=tests
            SlurmctldHost={host}(127.0.0.1)
            SlurmctldPort={controller}
            SlurmdPort={daemon}
            AuthType=auth/munge
            AuthInfo=socket={Socket}
            CredType=cred/munge
            MpiDefault=pmi2
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_CPU
            SchedulerParameters=batch_sched_delay=1,sched_interval=1
            SlurmUser=root
            SlurmdUser=root
            StateSaveLocation={folder["state"]}
            SlurmdSpoolDir={folder["spool"]}
            SlurmctldPidFile={folder["slurmctld.pid"]}
            SlurmdPidFile={folder["slurmd.pid"]}
            SlurmctldLogFile={folder["slurmctld.log"]}
            SlurmdLogFile={folder["slurmd.log"]}
            ReturnToService=2
            NodeName={host} NodeAddr=127.0.0.1 CPUs={Processors} RealMemory=2048 State=UNKNOWN
            PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP

            """;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
