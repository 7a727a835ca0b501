import ArgumentParser

/// Gateways in virtual time.
@main
struct SimulationLab: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "SimulationLab", abstract: "Gateways in virtual time: the pure core, without a socket.",
        subcommands: [SchedulesCommand.self, FleetCommand.self])
}
