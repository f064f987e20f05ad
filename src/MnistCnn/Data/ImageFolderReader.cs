using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MnistCnn.Runtime;

namespace MnistCnn.Data;

/// <summary>Scans all image files of a folder, then decodes the wanted ones, on all cores.</summary>
/// <param name="validate">Receives the resolved settings before images are decoded; see <see cref="DataReader.Load"/>.</param>
internal sealed class ImageFolderReader(
    string folder, ImageSettings settings, Action<double>? progress, int copies, Action<ImageSettings>? validate)
{
    // Without a size in the settings: the images' own size if it is not larger, and this one otherwise.
    private const int DefaultSide = 64;

    // Bytes of files that stay in memory between scan and decoding: for small files, opening takes most of the time.
    private const long CacheSize = 256 << 20;

    private const double MaxFractionOfMemory = 0.8;

    private readonly ConcurrentDictionary<string, string> unreadable = []; // messages by path
    private readonly ConcurrentDictionary<string, byte[]> cache = [];
    private long cachedBytes;

    public SkippedFiles? Skipped { get; init; }

    /// <inheritdoc cref="DataSet.Splits"/>
    public Dictionary<string, string>? Splits { get; init; }

    public DataSet Read(string[] classNames, ImageFile[] files, int? trainLimit, int? testLimit)
    {
        var scanned = new ScannedImage[files.Length];
        ForEach(files.Length, pass: 0, index => scanned[index] = Scan(files[index]));
        ScannedImage[] readable = [.. scanned.Where(image => image.Header is not null)];
        double? testFraction = Splits is null ? settings.TestShare ?? ImageSettings.DefaultTestFraction : null;
        var resolved = Resolve(readable) with { TestShare = testFraction };
        validate?.Invoke(resolved);
        var (train, test) = testFraction is { } fraction
            ? TrainTestSplit.Split(readable, fraction)
            : (Of(DataSplit.Train, readable), Of(DataSplit.Test, readable));
        var validation = Of(DataSplit.Validation, readable);

        while (true)
        {
            (train, validation, test) = (Mix(train), Mix(validation), Mix(test));
            ScannedImage[] takenTrain = [.. train.Take(trainLimit ?? int.MaxValue)], takenTest = [.. test.Take(testLimit ?? int.MaxValue)];
            if (takenTrain.Length == 0 || takenTest.Length == 0)
            {
                ThrowIfUnreadable(files.Length);
                throw new InvalidDataException(
                    $"{folder} has too few images: {train.Length:N0} are left to train on and {test.Length:N0} to test on."
                    + (testFraction is null ? "" : " Add images: only a class with two different images has a test image."));
            }

            ScannedImage[] taken = [.. takenTrain, .. validation, .. takenTest];
            EnsureFitsMemory(taken.Length, resolved);
            using var pixels = Decode(taken, resolved);
            ThrowIfUnreadable(files.Length);
            if (taken.Any(IsUnreadable)) // others take the places of skipped images
                continue;

            var trainImages = Label(pixels.narrow(0, 0, takenTrain.Length), takenTrain);
            var validationImages = Label(pixels.narrow(0, takenTrain.Length, validation.Length), validation);
            var testImages = Label(pixels.narrow(0, taken.Length - takenTest.Length, takenTest.Length), takenTest);
            var sha256 = new Dictionary<string, string> { ["pictures"] = TrainTestSplit.Fingerprint(scanned) };
            return new DataSet(
                folder, trainImages, testImages, classNames, Normalization.Measure(trainImages.Images), resolved.Fit, sha256)
            {
                ImageSettings = resolved,
                Validation = validation.Length > 0 ? validationImages : null,
                Splits = Splits,
                Report = new LoadReport(train.Length, test.Length)
                {
                    ValidationImages = validation.Length,
                    LeakedTestFiles = test.Select(image => image.Sha256).Intersect(train.Select(image => image.Sha256)).Count(),
                    Unreadable = [.. unreadable.Values.Order(StringComparer.Ordinal)],
                    Skipped = Skipped,
                },
            };
        }

        ScannedImage[] Mix(ScannedImage[] images) => TrainTestSplit.MixClasses(images.Where(image => !IsUnreadable(image)));
    }

    private static ScannedImage[] Of(DataSplit split, ScannedImage[] images) => [.. images.Where(image => image.File.Split == split)];

    private ScannedImage Scan(ImageFile file)
    {
        var (sha256, header) = ("", default(ImageHeader));
        Try(file.Path, () =>
        {
            var contents = ImageDecoder.ReadAllBytes(file.Path);
            sha256 = Convert.ToHexStringLower(SHA256.HashData(contents));
            header = ImageDecoder.ReadHeader(contents, file.Path);
            if (Interlocked.Add(ref cachedBytes, contents.Length) <= CacheSize)
                cache[file.Path] = contents;
        });
        return new ScannedImage(file, sha256, header);
    }

    // Replaces null settings according to the images.
    private ImageSettings Resolve(ScannedImage[] images)
    {
        var isInk = settings.Fit is ImageFit.Ink;
        var sizes = images.Select(image => (image.Header!.Height, image.Header.Width)).Distinct().Take(2).ToArray();
        var (height, width) = settings switch
        {
            { Height: { } h, Width: { } w } => (h, w),
            _ when isInk => (DigitImage.Side, DigitImage.Side),
            _ when sizes is [{ Height: <= DefaultSide, Width: <= DefaultSide } own] => own,
            _ => (DefaultSide, DefaultSide),
        };
        var grey = settings.Grey ?? (isInk || images.All(image => image.Header!.IsGrey));
        if (isInk && (height, width, grey) is not (DigitImage.Side, DigitImage.Side, true))
            throw new UserException($"The fit 'ink' makes only grey images of {DigitImage.Side}x{DigitImage.Side}.");
        return settings with { Height = height, Width = width, Grey = grey };
    }

    private void EnsureFitsMemory(int count, ImageSettings resolved)
    {
        var (channels, height, width) = Shape(resolved);
        var available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes; // of the machine or the container
        var needed = (double)copies * count * channels * height * width;
        if (needed <= MaxFractionOfMemory * available)
            return;
        var scale = Math.Sqrt(MaxFractionOfMemory * available / needed);
        throw new UserException(
            $"{folder} needs {needed / 1e9:F1} GB as {count:N0} images of {height}x{width}, and this machine has {available / 1e9:F1} GB.")
            .With(Remedy.ShrinkImages, $"{(int)(scale * height)}x{(int)(scale * width)}");
    }

    private unsafe Tensor Decode(ScannedImage[] images, ImageSettings resolved)
    {
        var (channels, height, width) = Shape(resolved);
        var pixels = empty([images.Length, channels, height, width], ScalarType.Byte);
        using var first = pixels[0];
        var (start, size) = ((nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes)), channels * height * width);
        ForEach(images.Length, pass: 1, index => Try(images[index].File.Path, () =>
        {
            var image = new Span<byte>((byte*)start + (long)index * size, size); // all images may be more than a span can hold
            var path = images[index].File.Path;
            if (!ImageDecoder.TryFit(Contents(images[index]), path, resolved, image))
                throw new InvalidDataException($"{path} shows no ink: it is blank.");
        }));
        return pixels;
    }

    private byte[] Contents(ScannedImage image)
    {
        if (cache.TryRemove(image.File.Path, out var cached))
            return cached;
        var contents = ImageDecoder.ReadAllBytes(image.File.Path);
        return Convert.ToHexStringLower(SHA256.HashData(contents)) == image.Sha256
            ? contents
            : throw new InvalidDataException($"{image.File.Path} was changed while the folder was read.");
    }

    private static (int Channels, int Height, int Width) Shape(ImageSettings resolved) =>
        (resolved.Channels, resolved.Height!.Value, resolved.Width!.Value);

    private static LabeledImages Label(Tensor pixels, ScannedImage[] images) =>
        new(pixels, tensor(Array.ConvertAll(images, image => (long)image.File.Class)));

    private bool IsUnreadable(ScannedImage image) => unreadable.ContainsKey(image.File.Path);

    private void ThrowIfUnreadable(int fileCount)
    {
        if (unreadable.IsEmpty || settings.SkipBroken)
            return;
        var first = unreadable.MinBy(pair => pair.Key, StringComparer.Ordinal).Value;
        throw new InvalidDataException(
            $"{unreadable.Count:N0} of {fileCount:N0} images in {folder} cannot be read. The first: {first}").With(Remedy.SkipUnreadable);
    }

    private void Try(string path, Action read)
    {
        if (FileErrors.Catch(read) is { } error)
            unreadable[path] = error.Message;
    }

    private void ForEach(int count, int pass, Action<int> work)
    {
        var done = 0;
        var gate = new Lock();
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, index =>
        {
            work(index);
            lock (gate)
                if (++done % 64 == 0)
                    progress?.Invoke((pass + (double)done / count) / 2);
        });
    }
}
