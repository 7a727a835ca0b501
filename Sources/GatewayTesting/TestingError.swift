/// Why the surroundings of a test could not be set up, or did not do what was waited for: one sentence for the person
/// who reads the failed test.
public struct TestingError: Error, CustomStringConvertible {
    /// The sentence.
    public let description: String

    /// Creates an error that says `description`.
    public init(_ description: String) {
        self.description = description
    }
}
