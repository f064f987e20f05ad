using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using MnistCnn.Inspection;
using MnistCnn.Runs;
using MnistCnn.Training;
using MnistCnn.Web;

namespace MnistCnn.Tests.Documentation;

/// <summary>docs/reference/http-api.md lists exactly the routes of the server, their queries, and the fields of its JSON.</summary>
public sealed class HttpApiPageTests
{
    private const string Page = "docs/reference/http-api.md";

    private static readonly IReadOnlyDictionary<Type, string> Tables = new Dictionary<Type, string>
    {
        [typeof(ModelInfo)] = "[model](#model)",
        [typeof(NodeInfo)] = "[operation](#operation)",
        [typeof(Ablation)] = "[ablation](#ablation)",
        [typeof(AblationKind)] = "[kind](#kind-of-an-ablation)",
        [typeof(InputOverride)] = "[override](#override)",
        [typeof(TensorRef)] = "[tensor](#tensor)",
        [typeof(LayerMaps)] = "[layer](#layer)",
        [typeof(MapInput)] = "[input](#input)",
        [typeof(ResidualSum)] = "[sum](#sum)",
        [typeof(SumTerm)] = "[term](#term)",
        [typeof(RunSummary)] = "[run](#run)",
        [typeof(EpochMetrics)] = "[epoch](files.md#metricsjsonl)",
        [typeof(RunStatus)] = "[status](files.md#status)",
    };

    private readonly FieldTables page = new(Page);

    public static TheoryData<string, Type> Records { get; } = new()
    {
        { "Model", typeof(ModelInfo) },
        { "Operation", typeof(NodeInfo) },
        { "Ablation", typeof(Ablation) },
        { "Override", typeof(InputOverride) },
        { "Prediction and feature maps", typeof(LookResponse) },
        { "Tensor", typeof(TensorRef) },
        { "Layer", typeof(LayerMaps) },
        { "Feature map", typeof(FeatureMap) },
        { "Input", typeof(MapInput) },
        { "Sum", typeof(ResidualSum) },
        { "Term", typeof(SumTerm) },
        { "Saliency map", typeof(SaliencyMap) },
        { "Test images", typeof(MnistCnn.Web.TestImages) },
        { "Test predictions", typeof(TestPredictions) },
        { "Runs", typeof(RunList) },
        { "Run", typeof(RunSummary) },
    };

    [Theory]
    [MemberData(nameof(Records))]
    public void A_table_lists_the_fields_and_types_of_its_record(string heading, Type record) => page.AssertEqual(heading, record, Tables);

    [Fact]
    public void A_model_with_operations_has_more_fields_than_a_model() =>
        page.AssertEqual("Model with operations", typeof(ModelGraph), Tables, except: typeof(ModelInfo));

    [Fact]
    public void A_table_lists_the_kinds_of_ablations() => page.AssertValues("Kind of an ablation", typeof(AblationKind));

    [Fact]
    public void All_records_of_the_server_are_on_the_page()
    {
        var known = Records.Select(row => row.Data.Item2).Append(typeof(ModelGraph)).ToHashSet();
        var contracts = File.ReadAllText(DocumentationTests.PathOf("src/MnistCnn/Web/Contracts.cs"));
        var types = typeof(ModelInfo).Assembly.GetTypes()
            .Where(type => type.Namespace == typeof(ModelInfo).Namespace && contracts.Contains($" record {type.Name}("));
        Assert.Empty(types.Except(known));
    }

    [Fact]
    public void The_page_lists_exactly_the_routes_and_queries_of_the_server()
    {
        using var app = MapRoutes();
        var mapped =
            from endpoint in ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            let pattern = endpoint.RoutePattern.RawText!.Replace(":int", "", StringComparison.Ordinal).TrimEnd('/')
            let path = pattern.StartsWith("/api/", StringComparison.Ordinal) || pattern == "" ? pattern : "/{file}"
            let methods = endpoint.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods
            let query = QueryOf(endpoint.Metadata.GetRequiredMetadata<MethodInfo>(), path).Order(StringComparer.Ordinal)
            select $"{string.Join(", ", methods)} {(path == "" ? "/" : path)} {string.Join(", ", query)}";
        var changes = page.NamesOf("Changes");
        var listed = page.RowsOf("Paths").Select(cells =>
        {
            var query = FieldTables.NamesIn(cells[2]).Concat(cells[2].Contains("(#changes)") ? changes : []);
            return $"{cells[0]} {cells[1].Trim('`')} {string.Join(", ", query.Order(StringComparer.Ordinal))}";
        });
        Assert.Equal(mapped.Distinct().Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    private static WebApplication MapRoutes()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore();
        var app = builder.Build();

        // The routes keep these objects for requests, which never come.
        var (queue, models) = (Uninitialized<InferenceQueue>(), Uninitialized<ModelCache>());
        new Api(queue, models, Uninitialized<TestEvaluator>(), Uninitialized<RunWatcher>(), default).Map(app);
        return app;

        static T Uninitialized<T>() => (T)RuntimeHelpers.GetUninitializedObject(typeof(T));
    }

    // Names of the parameters that come neither from the path nor from the server.
    private static IEnumerable<string> QueryOf(MethodInfo handler, string path) => handler.GetParameters()
        .SelectMany(parameter => parameter.GetCustomAttribute<AsParametersAttribute>() is null
            ? [(Name: parameter.Name!, parameter.ParameterType)]
            : parameter.ParameterType.GetProperties().Select(property => (Name: property.Name.ToLowerInvariant(), property.PropertyType)))
        .Where(parameter => !path.Contains($"{{{parameter.Name}}}") && IsSimple(parameter.Item2)).Select(parameter => parameter.Name);

    private static bool IsSimple(Type type) =>
        (Nullable.GetUnderlyingType(type) ?? type).IsPrimitive || type == typeof(string) || type == typeof(string[]);
}
