using System.Diagnostics;
using MnistCnn.Runtime;

namespace MnistCnn.Tests.Runtime;

public sealed class ProcessGroupTests
{
    [Fact]
    public void A_process_started_alone_is_its_own_group_and_does_not_load_MPI()
    {
        Assert.IsType<SingleProcess>(MpiProcessGroup.Join(error => error.Message));
        using var process = Process.GetCurrentProcess();
        Assert.DoesNotContain(
            process.Modules.Cast<ProcessModule>(),
            module => module.ModuleName.Contains("mpi", StringComparison.OrdinalIgnoreCase) && !module.ModuleName.EndsWith(".dll"));
    }
}
