import ArgumentParser
import Gateway
import GatewayRuntime
import Glibc

/// Exit codes: 0 on request, 1 where the gateway cannot run, 2 where it was told something wrong.
let command: Command
let task: Command.Task
do {
    command = try Command.parse(Command.normalized(Array(CommandLine.arguments.dropFirst())))
    task = try command.task()
} catch {
    let isHelp = Command.exitCode(for: error) == .success
    Output.write(Command.fullMessage(for: error), to: isHelp ? STDOUT_FILENO : STDERR_FILENO)
    exit(isHelp ? 0 : 2)
}

switch task {
case .version:
    Output.write(Version.text, to: STDOUT_FILENO)
case .start:
    exit(await GatewayProgram.run(flags: command.flags.given, environment: ProcessEnvironment.all()))
}
