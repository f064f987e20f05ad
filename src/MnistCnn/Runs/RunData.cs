using System.Text.Json.Serialization;
using MnistCnn.Data;

namespace MnistCnn.Runs;

/// <summary>Record of the data set of a run.</summary>
/// <param name="Sha256">SHA-256 by file name.</param>
/// <param name="Pictures">Preparation of the images; null for IDX and CIFAR files.</param>
internal sealed record RunData(
    string Folder,
    long TrainImages,
    long TestImages,
    IReadOnlyDictionary<string, string> Sha256,
    Normalization Normalization,
    IReadOnlyList<string> ClassNames,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ImageSettings? Pictures = null)
{
    public static RunData Of(DataSet data) =>
        new(data.Folder, data.Train.Count, data.Test.Count, data.Sha256, data.Normalization, data.ClassNames, data.ImageSettings);
}
