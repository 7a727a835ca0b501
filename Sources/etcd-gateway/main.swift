import ArgumentParser
import Gateway
import GatewayRuntime
import Glibc

/// Swift reads the command line from /proc/self/cmdline. Where that is not to be had, what was asked for must not be taken
/// for a start without flags.
let arguments = CommandLine.arguments
guard arguments.first?.isEmpty == false else {
    Output.write("etcd-gateway: cannot read its own command line: is /proc mounted?", to: STDERR_FILENO)
    exit(1)
}

/// Exit codes: 0 on request, 1 where the gateway cannot run, 2 where it was told something wrong.
let command: Command
let task: Command.Task
do {
    command = try Command.parse(Command.normalized(Array(arguments.dropFirst())))
    task = try command.task()
} catch {
    let isHelp = Command.exitCode(for: error) == .success
    Output.write(Command.fullMessage(for: error), to: isHelp ? STDOUT_FILENO : STDERR_FILENO)
    exit(isHelp ? 0 : 2)
}

switch task {
case .version:
    Output.write(Version.text, to: STDOUT_FILENO)
case .check:
    exit(CheckProgram.run(flags: command.flags.given, environment: ProcessEnvironment.all()))
case .client(let clientCommand):
    exit(ClientProgram.run(clientCommand, flags: command.flags.given, environment: ProcessEnvironment.all()))
case .start:
    exit(GatewayProgram.run(flags: command.flags.given, environment: ProcessEnvironment.all()))
}
