using System.Text.Json.Serialization;
using MnistCnn.Data;

namespace MnistCnn.Runs;

/// <summary>The data of a run.</summary>
/// <param name="Folder">Where it was read from.</param>
/// <param name="TrainImages">How many images it learnt from.</param>
/// <param name="TestImages">How many images it was measured on.</param>
/// <param name="Sha256">The SHA-256 of each file.</param>
/// <param name="Normalization">How the network was given them; null in a run of version 0.1, which took MNIST's for all data.</param>
/// <param name="Pictures">How pictures were made images; null where there were no pictures.</param>
/// <param name="ClassNames">What the classes are called, in their order; null in a run of version 0.1.</param>
internal sealed record RunData(
    string Folder,
    long TrainImages,
    long TestImages,
    IReadOnlyDictionary<string, string> Sha256,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Normalization? Normalization = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ImageSettings? Pictures = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? ClassNames = null)
{
    /// <summary>What a run says of its data.</summary>
    public static RunData Of(DataSet data) => new(data.Folder, data.Train.Count, data.Test.Count, data.Sha256, data.Normalization, data.Pictures, data.ClassNames);
}
