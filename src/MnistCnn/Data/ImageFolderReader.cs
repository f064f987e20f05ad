using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MnistCnn.Runtime;
using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Looks at all pictures of a folder, then decodes those that are wanted, on all cores.</summary>
/// <param name="folder">What to call the folder in a message.</param>
/// <param name="entries">Its pictures, in the order of their classes and names.</param>
/// <param name="settings">How they become images.</param>
/// <param name="progress">Is told how much is done, from 0 to 1.</param>
/// <param name="copies">Processes that share this machine's memory and each hold the whole set.</param>
internal sealed class ImageFolderReader(
    string folder, IReadOnlyList<ImageEntry> entries, ImageSettings settings, Action<double>? progress, int copies)
{
    private const int LargestOwnSide = 64;

    // So small pictures, of which opening the file takes most of the time, are opened once.
    private const long LargestKept = 256 << 20;

    // Of the machine's memory, or the container's.
    private const double LargestShareOfMemory = 0.8;

    private readonly ConcurrentDictionary<ImageEntry, string> broken = [];
    private readonly bool isSplit = entries is [{ IsTest: not null }, ..];
    private long kept;

    private double TestShare => settings.TestShare ?? ImageSettings.DefaultTestFraction;

    public DataSet Read(string[] names, int? trainLimit, int? testLimit)
    {
        ForEach(entries, 0, Look);
        var sha256 = TrainTestSplit.Fingerprint(entries);
        if (!isSplit)
            TrainTestSplit.Split(Readable(), TestShare);
        var exact = Settled();

        // Where some turn out to be broken, they are left out and others may move up.
        while (true)
        {
            var (train, test) = (TrainTestSplit.Mix(Readable(), isTest: false), TrainTestSplit.Mix(Readable(), isTest: true));
            ImageEntry[][] wanted = [[.. train.Take(trainLimit ?? int.MaxValue)], [.. test.Take(testLimit ?? int.MaxValue)]];
            if (wanted.Any(part => part.Length == 0))
            {
                StopAtBroken();
                throw new InvalidDataException($"{folder} has too few pictures: {train.Length} are left to train on and {test.Length} to test on.");
            }

            ImageEntry[] all = [.. wanted[0], .. wanted[1]];
            EnsureFits(all.Length, exact);
            using var pixels = Decode(all, exact);
            StopAtBroken();
            if (all.Any(broken.ContainsKey))
                continue;

            var trainSet = Part(pixels, 0, wanted[0]);
            return new DataSet(
                folder, trainSet, Part(pixels, wanted[0].Length, wanted[1]), names, Normalization.Measure(trainSet.Images), exact.Fit,
                new Dictionary<string, string> { ["pictures"] = sha256 })
            {
                Pictures = exact,
                Found = (train.Length, test.Length),
                AlsoTrained = test.IntersectBy(train.Select(Sum), Sum).Count(),
                PassedOver = [.. broken.Values.Order(StringComparer.Ordinal)],
            };
        }
    }

    private static string Sum(ImageEntry entry) => Convert.ToHexString(entry.Sha256);

    private ImageEntry[] Readable() => [.. entries.Where(entry => !broken.ContainsKey(entry))];

    private static LabeledImages Part(Tensor pixels, int first, ImageEntry[] pictures) => new(
        pixels.narrow(0, first, pictures.Length), tensor(Array.ConvertAll(pictures, entry => (long)entry.Class)));

    // Its size may tell that of the images; its SHA-256 may decide whether it is tested on.
    private void Look(ImageEntry entry, int place)
    {
        var contents = ImageDecoder.ReadAllBytes(entry.Path);
        entry.Sha256 = SHA256.HashData(contents);
        entry.Header = ImageDecoder.ReadHeader(contents, entry.Path);
        if (Interlocked.Add(ref kept, contents.Length) <= LargestKept)
            entry.Contents = contents;
    }

    private unsafe Tensor Decode(ImageEntry[] wanted, ImageSettings exact)
    {
        var (channels, height, width) = (exact.Grey == true ? 1 : 3, exact.Height!.Value, exact.Width!.Value);
        long[] shape = [wanted.Length, channels, height, width];
        var pixels = empty(shape, ScalarType.Byte);
        using var first = pixels[0];
        var (start, size) = ((nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes)), channels * height * width);
        ForEach(wanted, 1, (entry, place) =>
        {
            // All images together may be more than a span can hold.
            var image = new Span<byte>((byte*)start + (long)place * size, size);
            ImageDecoder.Fit(entry.Contents ?? ReadAgain(entry), entry.Path, exact, image);
            entry.Contents = null;
        });
        return pixels;
    }

    private static byte[] ReadAgain(ImageEntry entry)
    {
        var contents = ImageDecoder.ReadAllBytes(entry.Path);
        return SHA256.HashData(contents).SequenceEqual(entry.Sha256)
            ? contents
            : throw new InvalidDataException($"{entry.Path} was changed while the folder was read.");
    }

    private void ForEach(IReadOnlyList<ImageEntry> some, int pass, Action<ImageEntry, int> work)
    {
        var done = 0;
        var gate = new Lock();
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

            lock (gate)
            {
                if (++done % 64 == 0)
                    progress?.Invoke((pass + (double)done / some.Count) / 2);
            }
        });
    }

    private void StopAtBroken()
    {
        if (broken.IsEmpty || settings.SkipBroken)
            return;
        var first = broken.MinBy(pair => pair.Key.Path, StringComparer.Ordinal).Value;
        throw new InvalidDataException(string.Create(
            CultureInfo.InvariantCulture,
            $"{broken.Count:N0} of {entries.Count:N0} pictures in {folder} cannot be read. The first: {first}")).With(Remedy.SkipUnreadable);
    }

    // The settings with what the pictures themselves decide.
    private ImageSettings Settled()
    {
        var readable = Readable();
        var sizes = readable.Select(entry => (entry.Header!.Height, entry.Header.Width)).Distinct().Take(2).ToArray();
        var (height, width) = settings switch
        {
            { Height: { } h, Width: { } w } => (h, w),
            { Fit: ImageFit.Ink } => (DigitImage.Side, DigitImage.Side),
            _ when sizes is [{ Height: <= LargestOwnSide, Width: <= LargestOwnSide } own] => own,
            _ => (LargestOwnSide, LargestOwnSide),
        };
        var grey = settings.Grey ?? (settings.Fit is ImageFit.Ink || readable.All(entry => entry.Header!.IsGrey));
        if (settings.Fit is ImageFit.Ink && (height, width, grey) is not (DigitImage.Side, DigitImage.Side, true))
            throw new UserException($"The fit ink makes grey images of {DigitImage.Side}x{DigitImage.Side}, of no other kind.");
        return settings with { Height = height, Width = width, Grey = grey, TestShare = isSplit ? null : TestShare };
    }

    private void EnsureFits(int count, ImageSettings exact)
    {
        var pixel = count * (exact.Grey == true ? 1L : 3L);
        var (need, there) = (copies * pixel * exact.Height!.Value * exact.Width!.Value, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        if (need <= LargestShareOfMemory * there)
            return;
        var shrink = Math.Sqrt(LargestShareOfMemory * there / need);
        var (height, width) = ((int)(shrink * exact.Height.Value), (int)(shrink * exact.Width.Value));
        throw new UserException(string.Create(
            CultureInfo.InvariantCulture,
            $"{folder} needs {need / 1e9:F1} GB as {count:N0} images of {exact.Height}x{exact.Width}, and this machine has {there / 1e9:F1} GB.")).With(Remedy.ShrinkImages, $"{height}x{width}");
    }
}
