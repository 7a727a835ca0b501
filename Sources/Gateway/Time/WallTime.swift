/// A time of day in UTC, for people and for those who compare machines. Nothing is ever decided by it.
public struct WallTime: Hashable, Comparable, Sendable {
    /// Milliseconds since 1970 began.
    public var milliseconds: Int64

    /// The time so many milliseconds after 1970 began.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Earlier is less.
    public static func < (left: WallTime, right: WallTime) -> Bool { left.milliseconds < right.milliseconds }

    /// The time `age` before.
    public static func - (time: WallTime, age: Duration) -> WallTime {
        WallTime(milliseconds: time.milliseconds - age.wholeNanoseconds / 1_000_000)
    }

    /// The time since an earlier one.
    public static func - (later: WallTime, earlier: WallTime) -> Duration {
        .milliseconds(later.milliseconds) - .milliseconds(earlier.milliseconds)
    }
}

extension WallTime: CustomStringConvertible {
    private static let millisecondsPerDay: Int64 = 86_400_000

    /// `2026-11-23T02:15:00.123Z`, as etcd's logs have it.
    public var description: String {
        let days = Self.floorDivide(milliseconds, Self.millisecondsPerDay)
        let rest = milliseconds - days * Self.millisecondsPerDay
        let (year, month, day) = Self.date(daysSince1970: days)
        let (seconds, fraction) = (rest / 1000, rest % 1000)
        let time = "\(Self.two(seconds / 3600)):\(Self.two(seconds / 60 % 60)):\(Self.two(seconds % 60))"
        return "\(year)-\(Self.two(month))-\(Self.two(day))T\(time).\(String(1000 + fraction).dropFirst())Z"
    }

    /// `02:15:00`: the time of day alone.
    public var timeOfDay: Substring { description.dropFirst(11).prefix(8) }

    /// Reads what ``description`` writes; `nil` for anything else.
    public init?(_ text: String) {
        let digits = text.utf8.filter(\.isDigit)
        guard digits.count == 17, text.utf8.count == 24 else { return nil }
        let number = { (place: Range<Int>) in digits[place].reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        }
        let days = Self.days(year: number(0..<4), month: number(4..<6), day: number(6..<8))
        let seconds = number(8..<10) * 3600 + number(10..<12) * 60 + number(12..<14)
        self.init(milliseconds: days * Self.millisecondsPerDay + seconds * 1000 + number(14..<17))
        guard description == text else { return nil }
    }

    private static func two(_ number: Int64) -> Substring { String(100 + number).dropFirst() }

    private static func floorDivide(_ number: Int64, _ divisor: Int64) -> Int64 {
        number >= 0 ? number / divisor : -((divisor - 1 - number) / divisor)
    }

    // The calendar repeats every 400 years, of 146,097 days; years are counted from March, so that the leap day is the last.
    private static func date(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468  // since 0000-03-01
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = floorDivide(shiftedYear, 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
