// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target of ours is compiled with: warnings are errors, and no feature is implicit.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
]

/// Tests are held to the same language, but may touch C without an `unsafe` on every line.
let strictForTests: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let strictC: [CSetting] = [
    .define("_GNU_SOURCE"),
    .unsafeFlags([
        "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes",
        "-Wconversion", "-Wno-sign-conversion", "-fvisibility=hidden",
    ]),
]

let package = Package(
    name: "etcd-gateway",
    products: [
        .executable(name: "etcd-gateway", targets: ["etcd-gateway"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // The data plane: bytes. Knows sockets and session numbers, nothing of etcd or DNS.
        .target(name: "CSplice", cSettings: strictC),
        // Debian's c-ares, as it is.
        .systemLibrary(name: "CAres", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        // What Linux offers and Swift's Glibc module leaves out: epoll, inotify, names of errors and threads.
        .target(name: "CLinux", cSettings: strictC),
        // The pure core: decisions. No dependency here, and no import inside (`make check` looks).
        .target(name: "Gateway", swiftSettings: strict),
        // The edges: the only Swift that touches descriptors, clocks, names, logs.
        .target(
            name: "GatewayRuntime",
            dependencies: [
                "Gateway", "CSplice", "CAres", "CLinux",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "etcd-gateway",
            dependencies: [
                "Gateway", "GatewayRuntime",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict,
            // Nobody links against a program: its symbols in the dynamic table would be 2 MB of 27.
            linkerSettings: [
                .unsafeFlags(["-Xlinker", "--no-export-dynamic"], .when(configuration: .release))
            ]),
        // Real etcd members, real name servers and loopback peers for the tests; never shipped.
        .target(name: "GatewayTesting", dependencies: ["Gateway"], swiftSettings: strictForTests),
        // Gateways, their clients, members, networks and names in virtual time; never shipped.
        .target(
            name: "GatewaySimulation", dependencies: ["Gateway", "GatewayTesting"], swiftSettings: strictForTests),
        // `make simulate` and `make fleet`: the same by the thousand, optimised; never shipped.
        .executableTarget(
            name: "SimulationLab",
            dependencies: [
                "GatewaySimulation", "GatewayTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/SimulationLab",
            swiftSettings: strictForTests),
        // `make faults`: what clients see when members die, vanish, freeze; never shipped.
        .executableTarget(
            name: "FaultLab",
            dependencies: [
                "GatewayTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Tests/FaultLab",
            swiftSettings: strictForTests),
        // `make bench`: the gateway and its peers under the same traffic; never shipped.
        .executableTarget(
            name: "Bench",
            dependencies: ["GatewayTesting", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Benchmarks/Bench",
            swiftSettings: strictForTests),
        // `make load`, `make soak`: what the program is like under thousands of clients, and after hours; never shipped.
        .executableTarget(
            name: "Endurance",
            dependencies: ["GatewayTesting", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/Endurance",
            swiftSettings: strictForTests),
        // Keeps the gateway's descriptors for `make soak`, as systemd would; never shipped.
        .executableTarget(name: "StandInManager", path: "Tests/StandInManager", cSettings: strictC),
        // A data plane with a store, to be killed by CSpliceTests; never shipped.
        .executableTarget(
            name: "StoreWorker", dependencies: ["CSplice"], path: "Tests/StoreWorker", cSettings: strictC),
        .testTarget(
            name: "GatewayTests", dependencies: ["Gateway", "GatewaySimulation", "GatewayTesting"],
            swiftSettings: strictForTests),
        .testTarget(
            name: "CSpliceTests", dependencies: ["CSplice", "GatewayTesting", "StoreWorker"],
            swiftSettings: strictForTests),
        .testTarget(
            name: "GatewayRuntimeTests",
            dependencies: [
                "GatewayRuntime", "Gateway", "GatewayTesting", "CSplice", "CLinux",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strictForTests),
        .testTarget(
            name: "IntegrationTests", dependencies: ["Gateway", "GatewayTesting"], swiftSettings: strictForTests),
    ],
    cLanguageStandard: .gnu17
)
