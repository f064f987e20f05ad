using BitMiracle.LibTiff.Classic;

namespace MnistCnn.Tests;

/// <summary>Makes TIFF files.</summary>
public static class SmallTiff
{
    /// <param name="channels">1 for grey, 3 for colour.</param>
    /// <param name="bits">Bits per value: 8 or 16.</param>
    /// <param name="pages">Values of each page, row by row, the channels of a pixel side by side.</param>
    public static byte[] Encode(
        int width,
        int height,
        int channels,
        int bits,
        Compression compression = Compression.NONE,
        Orientation orientation = Orientation.TOPLEFT,
        params int[][] pages)
    {
        using var stream = new MemoryStream();
        using (var tiff = Tiff.ClientOpen("memory", "w", stream, new KeptOpen()))
            foreach (var values in pages)
            {
                tiff.SetField(TiffTag.IMAGEWIDTH, width);
                tiff.SetField(TiffTag.IMAGELENGTH, height);
                tiff.SetField(TiffTag.SAMPLESPERPIXEL, channels);
                tiff.SetField(TiffTag.BITSPERSAMPLE, bits);
                tiff.SetField(TiffTag.PHOTOMETRIC, channels == 1 ? Photometric.MINISBLACK : Photometric.RGB);
                tiff.SetField(TiffTag.PLANARCONFIG, PlanarConfig.CONTIG);
                tiff.SetField(TiffTag.COMPRESSION, compression);
                tiff.SetField(TiffTag.ORIENTATION, orientation);
                tiff.SetField(TiffTag.ROWSPERSTRIP, 2); // without it, LibTiff.NET 2.4.660 writes files that it does not read
                for (var y = 0; y < height; y++)
                {
                    var line = values.AsSpan(y * width * channels, width * channels).ToArray();
                    tiff.WriteScanline([.. bits == 8
                        ? line.Select(value => (byte)value)
                        : line.SelectMany(value => BitConverter.GetBytes((ushort)value))], y);
                }

                tiff.WriteDirectory();
            }

        return stream.ToArray();
    }

    private sealed class KeptOpen : TiffStream
    {
        public override void Close(object clientData)
        {
        }
    }
}
