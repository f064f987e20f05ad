using System.Text.Json.Serialization;

namespace MnistCnn.Data;

/// <summary>How a picture of any size becomes an image of a data set.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ImageFit>))]
internal enum ImageFit
{
    /// <summary>The largest part in its middle that has the image's proportions.</summary>
    [JsonStringEnumMemberName("crop")]
    Crop,

    /// <summary>The whole picture, with a white border at two of its sides.</summary>
    [JsonStringEnumMemberName("pad")]
    Pad,

    /// <summary>The whole picture, its proportions changed to the image's.</summary>
    [JsonStringEnumMemberName("stretch")]
    Stretch,

    /// <summary>As MNIST was made: the ink is found, scaled and centred on black; see <see cref="DigitImage"/>.</summary>
    [JsonStringEnumMemberName("ink")]
    Ink,
}
