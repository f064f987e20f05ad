using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace MnistCnn.Runtime;

/// <summary>
/// The processes that <c>mpiexec</c>, or <c>srun --mpi=pmi2</c>, started together to train one network. What one of them calls here, all
/// of them call, in the same order. Only the first speaks to the user and writes files.
/// </summary>
/// <remarks>
/// Through MPI.NET, whose interface MPICH, Intel MPI and MS-MPI have in common. Nothing of it is loaded by a process that was started
/// alone.
/// </remarks>
internal sealed class ProcessGroup : IDisposable
{
    /// <summary>The environment variable with the seconds that a process waits for the others before it takes them for lost.</summary>
    public const string PatienceVariable = "MNIST_CNN_PATIENCE";

    private const int DefaultPatience = 300;
    private const int MostPatience = 1_000_000;
    private const int World = MPI.Unsafe.MPI_COMM_WORLD;

    // MPI_IN_PLACE, which MPI.NET does not name: the sums take the place of what is added up.
    private const nint InPlace = -1;

    private const string Supported = "MPICH (Debian: apt-get install mpich), Intel MPI or MS-MPI";

    // MPI counts in 32 bits.
    private const long MostAtOnce = 1 << 28;

    private readonly MPI.Environment environment;
    private readonly CancellationTokenSource stop = new();
    private readonly TimeSpan patience;
    private readonly Timer watch;
    private readonly TextWriter error = Console.Error;
    private readonly Func<Exception, string> tell;

    private ProcessGroup(Func<Exception, string> tell)
    {
        this.tell = tell;
        patience = TimeSpan.FromSeconds(
            double.TryParse(Environment.GetEnvironmentVariable(PatienceVariable), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and <= MostPatience
                ? seconds
                : DefaultPatience);
        watch = new Timer(_ => GiveUp());
        string[] arguments = [];
        environment = Wait(() => new MPI.Environment(ref arguments, MPI.Threading.Funneled));
        (Rank, Count) = (MPI.Communicator.world.Rank, MPI.Communicator.world.Size);
        var place = $"{Environment.MachineName} {Cores()}";
        CountOnSameCores = Exchange(place).Count(other => other == place);
        if (Rank == 0)
            return;
        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
    }

    /// <summary>Which of them this is, from 0.</summary>
    public int Rank { get; }

    /// <summary>How many there are, 2 or more.</summary>
    public int Count { get; }

    /// <summary>How many of them share these cores of this machine, with this one: where each was given its own, 1.</summary>
    public int CountOnSameCores { get; }

    /// <summary>How long this one has waited for the others, and for the network between them, in seconds.</summary>
    public double SecondsWaited { get; private set; }

    /// <summary>Is cancelled after the same step or evaluation batch in all of them, when one of them was asked to stop.</summary>
    public CancellationToken Token => stop.Token;

    /// <summary>Asks this one to stop; the others then do too, see <see cref="Token"/>.</summary>
    public CancellationToken ShutdownSignals { get; set; }

    /// <summary>The name of the library of MPI that is here.</summary>
    /// <exception cref="UserException">There is none.</exception>
    public static string Library => LoadLibrary().Name;

    /// <summary>The processes that were started together with this one; null where it was started alone.</summary>
    /// <param name="tell">What the user is told of work that failed, in one line.</param>
    /// <exception cref="UserException">They were started by another MPI than those that it works with, or there is none.</exception>
    public static ProcessGroup? Join(Func<Exception, string> tell)
    {
        if (Number("OMPI_COMM_WORLD_SIZE") > 1)
            throw new UserException($"These processes were started by Open MPI, whose interface differs. Start them with the mpiexec of {Supported}.");
        if (!(Number("PMI_SIZE") > 1))
            return null;
        var library = LoadLibrary().Handle;
        NativeLibrary.SetDllImportResolver(typeof(MPI.Environment).Assembly, (_, _, _) => library);
        return new ProcessGroup(tell);
    }

    /// <summary>The share of this process in some things that lie in a row.</summary>
    /// <param name="total">How many there are.</param>
    public (long Start, long Count) Share(long total) => ShareOf(total, Rank, Count);

    /// <summary>One of several shares of some things that lie in a row, none more than one larger than another.</summary>
    /// <param name="total">How many things there are.</param>
    /// <param name="index">Which share, from 0.</param>
    /// <param name="shares">How many shares.</param>
    public static (long Start, long Count) ShareOf(long total, int index, int shares) =>
        (total * index / shares, total * (index + 1) / shares - total * index / shares);

    /// <summary>All of them stop after the step that they have just done.</summary>
    public void Stop() => stop.Cancel();

    /// <summary>Stops all of them if one of them was asked to, see <see cref="ShutdownSignals"/>.</summary>
    public void StopIfAsked()
    {
        if (Most(ShutdownSignals.IsCancellationRequested ? 1 : 0) > 0)
            Stop();
    }

    /// <summary>The largest of the numbers that they have.</summary>
    public int Most(int own) => CountsOf(own).Max();

    /// <summary>Adds up what they have.</summary>
    /// <param name="values">
    /// Float32 or uint8, on the CPU, one piece of memory, of the same size in all of them; afterwards it has the sums. Where each has its
    /// own part of it and zeros elsewhere, all of them then have all of it.
    /// </param>
    public void Sum(Tensor values)
    {
        var (size, type) = values.dtype is ScalarType.Float32 ? (sizeof(float), MPI.Unsafe.MPI_FLOAT) : (1, MPI.Unsafe.MPI_UNSIGNED_CHAR);
        using var all = values.view(-1);
        for (var start = 0L; start < all.numel(); start += MostAtOnce)
        {
            using var part = all.narrow(0, start, Math.Min(MostAtOnce, all.numel() - start));
            Sum(part.bytes, size, type);
        }
    }

    /// <summary>Puts together what they have, in the order of their ranks.</summary>
    /// <param name="rows">Float32, on the CPU: (any, ...).</param>
    /// <returns>All rows: (N, ...).</returns>
    public Tensor Concatenate(Tensor rows)
    {
        var counts = CountsOf((int)rows.shape[0]);
        var all = zeros([counts.Sum(), .. rows.shape[1..]]);
        using (var place = all.narrow(0, counts[..Rank].Sum(), counts[Rank]))
            place.copy_(rows);
        Sum(all);
        return all;
    }

    /// <summary>What each of them says, in the order of their ranks.</summary>
    public string[] Exchange(string text)
    {
        var own = Encoding.UTF8.GetBytes(text);
        var counts = CountsOf(own.Length);
        var all = new byte[counts.Sum()];
        own.CopyTo(all.AsSpan(counts[..Rank].Sum()));
        Sum(all, 1, MPI.Unsafe.MPI_UNSIGNED_CHAR);
        return [.. counts.Select((count, rank) => Encoding.UTF8.GetString(all.AsSpan(counts[..rank].Sum(), count)))];
    }

    /// <summary>Does in each of them what may fail in one of them.</summary>
    /// <param name="group">They; null where this one was started alone, which then does it alone.</param>
    /// <param name="work">Does it.</param>
    /// <exception cref="UserException">It failed in one; the message is that one's.</exception>
    public static T Together<T>(ProcessGroup? group, Func<T> work)
        where T : IDisposable? => group is null ? work() : group.Try(work);

    /// <summary>Inside of what they do <see cref="Together{T}"/>: goes on only if it has not failed in one of them, and all have come to the same.</summary>
    /// <param name="place">What they have come to.</param>
    /// <exception cref="UserException">It has failed, or they have not.</exception>
    public void EnsureSame(string place) => Agree(place, null);

    /// <summary>Does what only ends well if it ends well in all of them: where it fails in one, that one says why and ends the others.</summary>
    /// <param name="work">Does it. A <see cref="UserException"/> is one that each of them throws.</param>
    public int Run(Func<int> work)
    {
        try
        {
            return work();
        }
        catch (Exception caught) when (caught is not UserException)
        {
            error.WriteLine($"error: {Named(Rank)}{tell(caught)}");
            MPI.Environment.Abort(1);
            throw;
        }
    }

    /// <summary>Waits for the others, and parts from them.</summary>
    public void Dispose()
    {
        Wait(() =>
        {
            environment.Dispose();
            return true;
        });
        watch.Dispose();
        stop.Dispose();
    }

    private T Try<T>(Func<T> work)
        where T : IDisposable?
    {
        var (result, failure) = (default(T), default(Exception));
        try
        {
            result = work();
        }
        catch (Exception caught) when (caught is not AgreedException)
        {
            failure = caught;
        }

        try
        {
            Agree("", failure);
            return result!;
        }
        catch
        {
            result?.Dispose();
            throw;
        }
    }

    private void Agree(string place, Exception? failure)
    {
        var all = Exchange($"{place}\0{(failure is null ? "" : tell(failure))}").Select(text => text.Split('\0', 2)).ToArray();
        var failed = Array.FindIndex(all, one => one[1].Length > 0);
        if (failed >= 0)
            throw new AgreedException(Named(failed) + all[failed][1], failed == Rank ? failure : null);
        var other = Array.FindIndex(all, one => one[0] != all[0][0]);
        if (other >= 0)
            throw new AgreedException($"Process {other} of {Count} has other data than process 0, or other options for them. Start all of them alike.", null);
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    // MPI.NET asks for Microsoft's library, and the others have the same functions.
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

    // Of Linux, where schedulers and Intel MPI give each process its own.
    private static string Cores()
    {
        const string status = "/proc/self/status";
        return File.Exists(status) ? File.ReadLines(status).First(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)) : "";
    }

    private int[] CountsOf(int own)
    {
        var counts = new int[Count];
        counts[Rank] = own;
        Sum(MemoryMarshal.AsBytes(counts.AsSpan()), sizeof(int), MPI.Unsafe.MPI_INT);
        return counts;
    }

    private unsafe void Sum(Span<byte> values, int size, int type)
    {
        if (values.IsEmpty)
            return;
        fixed (byte* start = values)
        {
            var (place, count) = ((nint)start, values.Length / size);
            var code = Wait(() => MPI.Unsafe.MPI_Allreduce(InPlace, place, count, type, MPI.Unsafe.MPI_SUM, World));
            if (code != MPI.Unsafe.MPI_SUCCESS)
                throw new IOException($"The processes cannot reach each other any more (MPI's error {code}). Start them again with --resume.");
        }
    }

    private T Wait<T>(Func<T> together)
    {
        watch.Change(patience, Timeout.InfiniteTimeSpan);
        var started = Stopwatch.GetTimestamp();
        try
        {
            return together();
        }
        finally
        {
            SecondsWaited += Stopwatch.GetElapsedTime(started).TotalSeconds;
            watch.Change(Timeout.Infinite, Timeout.Infinite);
        }
    }

    // The one that waits is in native code and cannot be reached otherwise. What is on disk is whole at any time.
    private void GiveUp()
    {
        error.WriteLine(FormattableString.Invariant(
            $"error: Process {Rank} of {Count} has waited {patience.TotalSeconds} s for the others and gives up: one of them is lost or stands still. Start them again with --resume."));
        Environment.Exit(1);
    }

    private string Named(int rank) => rank == 0 ? "" : $"Process {rank} of {Count}: ";

    /// <summary>What failed in one of them, thrown in all.</summary>
    private sealed class AgreedException(string message, Exception? inner) : UserException(message, inner);
}
