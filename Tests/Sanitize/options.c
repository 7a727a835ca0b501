/*
 * What the sanitizers of a program are told, wherever it is started from: tests give their children an
 * environment of their own. `scripts/sanitize` links this file into each program, with SANITIZE_OPTIONS.
 */
const char *__tsan_default_options(void);
const char *__tsan_default_suppressions(void);
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__tsan_default_options(void)
{
	return SANITIZE_OPTIONS;
}

const char *__asan_default_options(void)
{
	return SANITIZE_OPTIONS;
}

/* What is reported and is no fault, each with the reason. */

const char *__tsan_default_suppressions(void)
{
	return "";
}

const char *__lsan_default_suppressions(void)
{
	/* XCTest's suite and its list of tests: where it ends the process nobody holds them any more. What
	 * has been referred to weakly is held by a pointer that swift stores shifted, where no leak detector
	 * finds it. Foundation forgets the buffer of a file that says to be empty, as those of /proc do, and
	 * curl, which only Foundation uses, its handles. */
	return "leak:libXCTest.so\n"
	       "leak:formWeakReference\n"
	       "leak:readBytesFromFile\n"
	       "leak:libcurl.so\n";
}
