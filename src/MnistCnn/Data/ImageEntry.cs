namespace MnistCnn.Data;

/// <summary>A picture of a folder.</summary>
/// <param name="path">The file.</param>
/// <param name="name">Its class's folder and its own name.</param>
/// <param name="number">Its class, from 0.</param>
internal sealed class ImageEntry(string path, string name, int number)
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
