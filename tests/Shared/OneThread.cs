using System.Runtime.CompilerServices;
using MnistCnn.Runtime;
using TorchSharp;

namespace MnistCnn.Tests;

/// <summary>Gives this assembly's tests, and the programs that they start, one thread each: test assemblies run side by side.</summary>
internal static class OneThread
{
    [ModuleInitializer]
    public static void Use()
    {
        Environment.SetEnvironmentVariable("OMP_NUM_THREADS", "1");
        NativeLibraries.Load();
        torch.set_num_threads(1);
    }
}
