/// An endpoint that cannot be read. The description names it and says what would be right.
public struct EndpointSyntaxError: Error, Hashable, Sendable {
    /// What can be wrong.
    public enum Problem: Error, Hashable, Sendable {
        /// The list has no item at all.
        case noEndpoints
        /// Nothing stands before, between or after a comma.
        case empty
        /// There is a space, a tab or a control character.
        case blank
        /// There is a port and no host.
        case noHost
        /// Neither an address nor a host name.
        case host(String)
        /// An IPv6 address without brackets that may end in a port.
        case ambiguousPort(String)
        /// Not a number from 1 to 65535.
        case port(String)
        /// Neither weight nor priority.
        case unknownOption(String)
        /// An option that was given before.
        case duplicateOption(String)
        /// A weight or priority that is not a number from 0 to 65535.
        case optionValue(name: String, String)
    }

    /// The item as it was written.
    public var item: String
    /// What is wrong with it.
    public var problem: Problem

    /// An error about one item.
    public init(item: String, problem: Problem) {
        self.item = item
        self.problem = problem
    }
}

extension EndpointSyntaxError: CustomStringConvertible {
    /// One line: the item, what is wrong, what would be right.
    public var description: String {
        switch problem {
        case .noEndpoints: "no endpoints found: \(problem)"
        default: "endpoint \(quoted(item)): \(problem)"
        }
    }
}

extension EndpointSyntaxError.Problem: CustomStringConvertible {
    /// What is wrong and what would be right, without the item.
    public var description: String {
        switch self {
        case .noEndpoints: "name at least one, such as 10.0.0.1:2379"
        case .empty: "it is empty; is there a comma too many?"
        case .blank: "it contains a space or a control character; write host:port, and only commas between endpoints"
        case .noHost: "the host is missing; write host:port, such as 10.0.0.1:2379"
        case .host(""): "the host cannot be read; write an IPv6 address with port as [::1]:2379"
        case .host(let host): "\(quoted(host)) is neither an address nor a host name; \(Self.advice(for: host))"
        case .ambiguousPort(let text): "it may mean a port; write [\(text.dropLast(5))]:2379 or [\(text)]:2379"
        case .port(let port): "\(quoted(port)) is no port; write a number from 1 to 65535, or nothing for 2379"
        case .unknownOption(let text): "\(quoted(text)) is no option; use weight=1 or priority=0"
        case .duplicateOption(let name): "\(name) is given twice; give it once"
        case .optionValue(let name, let value): "\(name) is \(quoted(value)); write a number from 0 to 65535"
        }
    }

    private static func advice(for host: String) -> String {
        if host.utf8.contains(UInt8(ascii: "%")) {
            return "an IPv6 zone is not supported: write an address that is not link-local"
        }
        if host.utf8.contains(UInt8(ascii: ":")) {
            return "write an IPv6 address with port as [::1]:2379"
        }
        return "write letters, digits, dots, - and _, or an address such as 10.0.0.1"
    }
}
