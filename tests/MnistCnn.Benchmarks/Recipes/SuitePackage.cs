using System.ComponentModel;
using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace MnistCnn.Benchmarks.Recipes;

/// <summary>A package in one version. The registry's own client downloads it, as this system configures the client.</summary>
/// <param name="Sha256">Lower-case SHA-256 of the package file.</param>
internal abstract record SuitePackage(string Name, string Version, string Sha256)
{
    protected abstract string FileName { get; }

    /// <summary>Returns the path of the package file in a folder, and downloads the file if it is missing.</summary>
    /// <exception cref="IOException">The client is missing or fails.</exception>
    /// <exception cref="InvalidDataException">The file is another than the pinned one.</exception>
    public string Fetch(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            // A stopped download leaves only this folder.
            var temporary = $"{path}.part";
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
            Directory.CreateDirectory(temporary);
            Download(temporary);
            File.Move(Directory.GetFiles(temporary).Single(), path);
            Directory.Delete(temporary);
        }

        using var file = File.OpenRead(path);
        var sum = Convert.ToHexStringLower(SHA256.HashData(file));
        return sum == Sha256 ? path : throw new InvalidDataException($"{path} has the SHA-256 {sum} instead of {Sha256}: delete the file.");
    }

    /// <summary>Extracts files from a package.</summary>
    /// <param name="destinationOf">Path of the copy of a file in the package; null to skip the file.</param>
    public abstract void Extract(string package, Func<string, string?> destinationOf);

    /// <summary>Downloads the package file into an empty folder.</summary>
    protected abstract void Download(string folder);

    protected static void ExtractTar(Stream tar, Func<string, string?> destinationOf)
    {
        using var reader = new TarReader(tar);
        while (reader.GetNextEntry() is { } entry)
            if (entry.DataStream is { } contents && destinationOf(entry.Name) is { } path)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                using var file = File.Create(path);
                contents.CopyTo(file);
            }
    }

    /// <summary>Runs a program and lets <paramref name="read"/> read its standard output.</summary>
    internal static void Run(string program, string folder, Action<Stream> read, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            read(process.StandardOutput.BaseStream);
            process.WaitForExit();
            if (process.ExitCode != 0)
                throw new IOException($"{program} {string.Join(' ', arguments)} failed: {errors.Result.ReplaceLineEndings(" ").Trim()}");
        }
        catch (Win32Exception error)
        {
            throw new IOException($"{program} does not start: {error.Message}", error);
        }
    }
}

/// <summary>A package of npm's registry.</summary>
internal sealed record NpmPackage(string Name, string Version, string Sha256) : SuitePackage(Name, Version, Sha256)
{
    protected override string FileName => $"{Name}-{Version}.tgz";

    public override void Extract(string package, Func<string, string?> destinationOf)
    {
        using var tar = new GZipStream(File.OpenRead(package), CompressionMode.Decompress);
        ExtractTar(tar, name => destinationOf(name["package/".Length..]));
    }

    protected override void Download(string folder) =>
        Run("npm", folder, output => output.CopyTo(Stream.Null), "pack", "--silent", $"{Name}@{Version}");
}

/// <summary>A package of Debian's. It is not installed.</summary>
internal sealed record DebianPackage(string Name, string Version, string Sha256) : SuitePackage(Name, Version, Sha256)
{
    protected override string FileName => $"{Name}_{Version}.deb";

    public override void Extract(string package, Func<string, string?> destinationOf) => Run(
        "dpkg-deb", Path.GetDirectoryName(package)!, tar => ExtractTar(tar, name => destinationOf(name["./".Length..])),
        "--fsys-tarfile", package);

    protected override void Download(string folder) =>
        Run("apt-get", folder, output => output.CopyTo(Stream.Null), "download", $"{Name}={Version}");
}
