using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MnistCnn.Runtime;
using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Looks at all pictures, then decodes those that are wanted.</summary>
internal sealed class PictureReader(string folder, IReadOnlyList<PictureEntry> entries, PictureSettings settings, Action<double>? progress)
{
    private const int LargestOwnSide = 64;

    // So small pictures, of which opening the file takes most of the time, are opened once.
    private const long LargestKept = 256 << 20;

    // Of the machine's memory, or the container's.
    private const double LargestShareOfMemory = 0.8;

    private readonly ConcurrentDictionary<PictureEntry, string> broken = [];
    private readonly bool isSplit = entries is [{ IsTest: not null }, ..];
    private long kept;

    private double TestShare => settings.TestShare ?? PictureSettings.StandardTestShare;

    public DataSet Read(string[] names, int? trainLimit, int? testLimit)
    {
        ForEach(entries, 0, Look);
        StopAtBroken();
        var readable = entries.Where(entry => entry.Header is not null).ToArray();
        var sha256 = Fingerprint();
        if (!isSplit)
            Split(readable);
        var (train, test) = (Mixed(readable, isTest: false), Mixed(readable, isTest: true));
        if (train.Length == 0 || test.Length == 0)
            throw new InvalidDataException($"{folder} has too few pictures: {train.Length} are left to train on and {test.Length} to test on.");
        var exact = Settled(readable);
        PictureEntry[] wanted = [.. train.Take(trainLimit ?? int.MaxValue), .. test.Take(testLimit ?? int.MaxValue)];
        EnsureFits(wanted.Length, exact);

        using var pixels = Decode(wanted, exact);
        StopAtBroken();
        var (trainSet, testSet) = (Part(pixels, wanted, isTest: false), Part(pixels, wanted, isTest: true));
        return new DataSet(
            folder, trainSet, testSet, names, Normalization.Of(trainSet.Images), exact.Fit,
            new Dictionary<string, string> { ["pictures"] = sha256 })
        {
            Pictures = exact,
            Found = (train.Length, test.Length),
            PassedOver = [.. broken.Values.Order(StringComparer.Ordinal)],
        };
    }

    // Its size may tell that of the images; its SHA-256 may decide whether it is tested on.
    private void Look(PictureEntry entry, int place)
    {
        var contents = PictureFile.ReadAllBytes(entry.Path);
        entry.Sha256 = SHA256.HashData(contents);
        entry.Header = PictureFile.ReadHeader(contents, entry.Path);
        if (Interlocked.Add(ref kept, contents.Length) <= LargestKept)
            entry.Contents = contents;
    }

    private Tensor Decode(PictureEntry[] wanted, PictureSettings exact)
    {
        var (channels, height, width) = (exact.Grey == true ? 1 : 3, exact.Height!.Value, exact.Width!.Value);
        var pixels = empty([wanted.Length, channels, height, width], ScalarType.Byte);
        try
        {
            ForEach(wanted, 1, (entry, place) =>
            {
                using var image = pixels[place];
                var contents = entry.Contents ?? PictureFile.ReadAllBytes(entry.Path);
                entry.Contents = null;
                PictureFile.Fit(contents, entry.Path, exact, image.bytes);
            });
            return pixels;
        }
        catch
        {
            pixels.Dispose();
            throw;
        }
    }

    private ImageSet Part(Tensor pixels, PictureEntry[] wanted, bool isTest)
    {
        var places = wanted.Index().Where(at => at.Item.IsTest == isTest && !broken.ContainsKey(at.Item)).ToArray();
        if (places.Length == 0)
            throw new InvalidDataException($"{folder} has no picture to {(isTest ? "test" : "train")} on that can be read.");
        var labels = tensor(Array.ConvertAll(places, at => (long)at.Item.Class));
        var (first, last) = (places[0].Index, places[^1].Index);
        if (places.Length == last - first + 1)
            return new ImageSet(pixels.narrow(0, first, places.Length), labels);
        using var index = tensor(Array.ConvertAll(places, at => (long)at.Index));
        return new ImageSet(pixels.index_select(0, index), labels);
    }

    private void ForEach(IReadOnlyList<PictureEntry> some, int pass, Action<PictureEntry, int> work)
    {
        var done = 0;
        Parallel.For(0, some.Count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, place =>
        {
            try
            {
                work(some[place], place);
            }
            catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                broken[some[place]] = error.Message;
            }

            var now = Interlocked.Increment(ref done);
            if (now % 64 == 0)
                progress?.Invoke((pass + (double)now / some.Count) / 2);
        });
    }

    private void StopAtBroken()
    {
        if (broken.IsEmpty || settings.SkipBroken)
            return;
        var first = broken.MinBy(pair => pair.Key.Path, StringComparer.Ordinal).Value;
        throw new InvalidDataException(string.Create(
            CultureInfo.InvariantCulture,
            $"{broken.Count:N0} of {entries.Count:N0} pictures in {folder} cannot be read. The first: {first} Mend or remove them, or pass over them with --skip-broken."));
    }

    // The names and bytes of all files, in the order of the classes and names.
    private string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var entry in entries)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{entry.IsTest}/{entry.Name.Replace('\\', '/')}\0"));
            hash.AppendData(entry.Sha256);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private void Split(PictureEntry[] readable)
    {
        foreach (var members in readable.GroupBy(entry => entry.Class).Select(group => group.ToArray()))
        {
            var tests = Math.Clamp((int)Math.Round(TestShare * members.Length), Math.Min(1, members.Length - 1), members.Length - 1);
            foreach (var (rank, entry) in members.OrderBy(entry => Convert.ToHexString(entry.Sha256), StringComparer.Ordinal).Index())
                entry.IsTest = rank < tests;
        }
    }

    // The k-th of a class's n pictures stands at (k + 1/2) / n of the whole.
    private static PictureEntry[] Mixed(PictureEntry[] readable, bool isTest) =>
    [
        .. from members in readable.Where(entry => entry.IsTest == isTest).GroupBy(entry => entry.Class)
           let count = members.Count()
           from placed in members.Select((entry, place) => (Entry: entry, Place: (place + 0.5) / count))
           orderby placed.Place, placed.Entry.Class
           select placed.Entry,
    ];

    // The settings with what the pictures themselves decide.
    private PictureSettings Settled(PictureEntry[] readable)
    {
        var sizes = readable.Select(entry => (entry.Header!.Height, entry.Header.Width)).Distinct().Take(2).ToArray();
        var (height, width) = settings switch
        {
            { Height: { } h, Width: { } w } => (h, w),
            { Fit: PictureFit.Ink } => (DigitImage.Side, DigitImage.Side),
            _ when sizes is [{ Height: <= LargestOwnSide, Width: <= LargestOwnSide } own] => own,
            _ => (LargestOwnSide, LargestOwnSide),
        };
        var grey = settings.Grey ?? (settings.Fit is PictureFit.Ink || readable.All(entry => entry.Header!.IsGrey));
        if (settings.Fit is PictureFit.Ink && (height, width, grey) is not (DigitImage.Side, DigitImage.Side, true))
            throw new UserException($"--fit ink makes grey images of {DigitImage.Side}x{DigitImage.Side}, of no other kind.");
        return settings with { Height = height, Width = width, Grey = grey, TestShare = isSplit ? null : TestShare };
    }

    private void EnsureFits(int count, PictureSettings exact)
    {
        var pixel = count * (exact.Grey == true ? 1L : 3L);
        var (need, there) = (pixel * exact.Height!.Value * exact.Width!.Value, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        if (need <= LargestShareOfMemory * there)
            return;
        var shrink = Math.Sqrt(LargestShareOfMemory * there / need);
        var (height, width) = ((int)(shrink * exact.Height.Value), (int)(shrink * exact.Width.Value));
        throw new UserException(string.Create(
            CultureInfo.InvariantCulture,
            $"{folder} needs {need / 1e9:F1} GB as {count:N0} images of {exact.Height}x{exact.Width}, and this machine has {there / 1e9:F1} GB. --image-size {height}x{width} would fit."));
    }
}

/// <summary>A picture of a folder.</summary>
/// <param name="path">The file.</param>
/// <param name="name">Its class's folder and its own name.</param>
/// <param name="number">Its class, from 0.</param>
internal sealed class PictureEntry(string path, string name, int number)
{
    public string Path => path;

    public string Name => name;

    public int Class => number;

    /// <summary>Whether it is tested on; null before that is decided.</summary>
    public bool? IsTest { get; set; }

    /// <summary>Its bytes, where they are kept.</summary>
    public byte[]? Contents { get; set; }

    public byte[] Sha256 { get; set; } = [];

    /// <summary>Null where it cannot be read.</summary>
    public PictureHeader? Header { get; set; }
}
