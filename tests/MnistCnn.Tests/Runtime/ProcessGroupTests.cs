using System.Diagnostics;
using MnistCnn.Runtime;

namespace MnistCnn.Tests.Runtime;

public sealed class ProcessGroupTests
{
    [Fact]
    public void A_process_that_was_started_alone_has_none_and_loads_nothing_of_MPI()
    {
        Assert.IsType<SingleProcess>(MpiProcessGroup.Join(error => error.Message));
        using var process = Process.GetCurrentProcess();
        Assert.DoesNotContain(
            process.Modules.Cast<ProcessModule>(),
            module => module.ModuleName.Contains("mpi", StringComparison.OrdinalIgnoreCase) && !module.ModuleName.EndsWith(".dll", StringComparison.OrdinalIgnoreCase));
    }
}
