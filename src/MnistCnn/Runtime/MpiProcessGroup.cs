using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

/// <summary>The processes that <c>mpiexec</c>, or <c>srun --mpi=pmi2</c>, started together.</summary>
/// <remarks>MPI.NET calls the binary interface that MPICH, Intel MPI and MS-MPI share. A process started alone loads none of it.</remarks>
internal sealed class MpiProcessGroup : IProcessGroup
{
    /// <summary>Environment variable with the seconds after which a rank gives up waiting for the others.</summary>
    public const string TimeoutVariable = "MNIST_CNN_PATIENCE";

    private const int DefaultTimeout = 300, LongestTimeout = 1_000_000;
    private const int World = MPI.Unsafe.MPI_COMM_WORLD;
    private const nint InPlace = -1; // MPI_IN_PLACE, which MPI.NET does not name
    private const string Supported = "MPICH (Debian: apt-get install mpich), Intel MPI or MS-MPI";

    private readonly MPI.Environment environment;
    private readonly TimeSpan timeout;
    private readonly Timer watchdog;
    private readonly TextWriter error = Console.Error; // the console of a higher rank is silenced later
    private readonly Func<Exception, string> describe;
    private double secondsWaited;

    private MpiProcessGroup(Func<Exception, string> describe)
    {
        this.describe = describe;
        var seconds = double.TryParse(Environment.GetEnvironmentVariable(TimeoutVariable), out var asked) ? asked : 0;
        timeout = TimeSpan.FromSeconds(seconds is > 0 and <= LongestTimeout ? seconds : DefaultTimeout);
        watchdog = new Timer(_ => GiveUp());
        string[] arguments = [];
        environment = Timed(() => new MPI.Environment(ref arguments, MPI.Threading.Funneled));
        (Rank, WorldSize) = (MPI.Communicator.world.Rank, MPI.Communicator.world.Size);
        var cores = $"{Environment.MachineName} {AllowedCores()}";
        RanksOnSameCores = AllGatherText(cores).Count(other => other == cores);
    }

    public int Rank { get; }
    public int WorldSize { get; }
    public int RanksOnSameCores { get; }
    public double? SecondsWaited => secondsWaited;

    /// <summary>File name of the MPI library on this system.</summary>
    public static string Library => LoadLibrary().Name;

    /// <summary>Joins the processes that were started together. A process on its own gets a <see cref="SingleProcess"/>.</summary>
    /// <param name="describe">Returns one line about an error.</param>
    /// <exception cref="UserException">An unsupported MPI started the processes, or the MPI library is missing.</exception>
    public static IProcessGroup Join(Func<Exception, string> describe)
    {
        if (Number("OMPI_COMM_WORLD_SIZE") > 1)
            throw new UserException(
                $"These processes were started by Open MPI, whose interface differs. Start them with the mpiexec of {Supported}.");
        if (!(Number("PMI_SIZE") > 1))
            return SingleProcess.Instance;
        var library = LoadLibrary().Handle;
        NativeLibrary.SetDllImportResolver(typeof(MPI.Environment).Assembly, (_, _, _) => library);
        return new MpiProcessGroup(describe);
    }

    public void AllReduceSum(Tensor values) => AllReduce(values.bytes, sizeof(float), MPI.Unsafe.MPI_FLOAT, MPI.Unsafe.MPI_SUM);

    public int AllReduceMax(int value)
    {
        AllReduce(MemoryMarshal.AsBytes(new Span<int>(ref value)), sizeof(int), MPI.Unsafe.MPI_INT, MPI.Unsafe.MPI_MAX);
        return value;
    }

    public Tensor AllGather(Tensor rows)
    {
        var (all, lengths) = AllGather(rows.contiguous().bytes);
        var rowSize = rows.element_size() * rows.shape[1..].Aggregate(1L, (product, length) => product * length);
        var gathered = empty([lengths.Sum() / rowSize, .. rows.shape[1..]], rows.dtype);
        all.CopyTo(gathered.bytes);
        return gathered;
    }

    public string[] AllGatherText(string text)
    {
        var (all, lengths) = AllGather(Encoding.UTF8.GetBytes(text));
        return [.. lengths.Select((length, rank) => Encoding.UTF8.GetString(all, lengths[..rank].Sum(), length))];
    }

    public T RunOnAll<T>(Func<T> work) where T : IDisposable?
    {
        var (result, failure) = (default(T), "");
        try
        {
            result = work();
        }
        catch (Exception caught)
        {
            failure = describe(caught);
        }

        var failures = AllGatherText(failure);
        var failed = Array.FindIndex(failures, text => text.Length > 0);
        if (failed < 0)
            return result!;
        result?.Dispose();
        throw new UserException(NameOf(failed) + failures[failed]);
    }

    public int RunOrAbort(Func<int> work)
    {
        try
        {
            return work();
        }
        catch (Exception caught) when (caught is not UserException)
        {
            error.WriteLine($"error: {NameOf(Rank)}{describe(caught)}");
            MPI.Environment.Abort(1);
            throw;
        }
    }

    /// <summary>Waits for all ranks to get here, and leaves MPI.</summary>
    public void Dispose()
    {
        Timed(() => { environment.Dispose(); return 0; });
        watchdog.Dispose();
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, null, out var number) ? number : null;

    // MPI.NET asks for Microsoft's library; the others have the same functions.
    private static (string Name, nint Handle) LoadLibrary()
    {
        string[] names = OperatingSystem.IsWindows() ? ["msmpi.dll"]
            : OperatingSystem.IsMacOS() ? ["libmpi.12.dylib", "libpmpi.12.dylib"]
            : ["libmpich.so.12", "libmpi.so.12"];
        foreach (var name in names)
            if (NativeLibrary.TryLoad(name, out var handle))
                return (name, handle);
        throw new UserException($"MPI's library is missing: there is no {string.Join(" or ", names)}. Install {Supported}.");
    }

    // On Linux, schedulers and Intel MPI give each rank cores of its own. Other systems do not tell.
    private static string AllowedCores()
    {
        const string status = "/proc/self/status";
        return File.Exists(status) ? File.ReadLines(status).First(line => line.StartsWith("Cpus_allowed_list:")) : "";
    }

    // Every rank adds its bytes to the zeros of the others.
    private (byte[] All, int[] Lengths) AllGather(ReadOnlySpan<byte> own)
    {
        var lengths = new int[WorldSize];
        lengths[Rank] = own.Length;
        AllReduce(MemoryMarshal.AsBytes(lengths.AsSpan()), sizeof(int), MPI.Unsafe.MPI_INT, MPI.Unsafe.MPI_SUM);
        var all = new byte[lengths.Sum()];
        own.CopyTo(all.AsSpan(lengths[..Rank].Sum()));
        AllReduce(all, 1, MPI.Unsafe.MPI_UNSIGNED_CHAR, MPI.Unsafe.MPI_SUM);
        return (all, lengths);
    }

    private unsafe void AllReduce(Span<byte> values, int valueSize, int type, int operation)
    {
        if (values.IsEmpty)
            return;
        fixed (byte* start = values)
        {
            var (place, count) = ((nint)start, values.Length / valueSize);
            var code = Timed(() => MPI.Unsafe.MPI_Allreduce(InPlace, place, count, type, operation, World));
            if (code != MPI.Unsafe.MPI_SUCCESS)
                throw new IOException($"The processes cannot reach each other any more (MPI's error {code}).").With(Remedy.Resume);
        }
    }

    private T Timed<T>(Func<T> call)
    {
        watchdog.Change(timeout, Timeout.InfiniteTimeSpan);
        var started = Stopwatch.GetTimestamp();
        try
        {
            return call();
        }
        finally
        {
            secondsWaited += Stopwatch.GetElapsedTime(started).TotalSeconds;
            watchdog.Change(Timeout.Infinite, Timeout.Infinite);
        }
    }

    // The main thread waits in native code, where nothing else reaches it. All files on disk are complete at any time.
    private void GiveUp()
    {
        var timedOut = new IOException(
            $"Process {Rank} of {WorldSize} has waited {timeout.TotalSeconds} s for the others and gives up: one is lost or hangs.");
        error.WriteLine($"error: {describe(timedOut.With(Remedy.Resume))}");
        Environment.Exit(1);
    }

    private string NameOf(int rank) => rank == 0 ? "" : $"Process {rank} of {WorldSize}: ";
}
