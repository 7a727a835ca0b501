/*
 * Included before every file of the data plane when it is built for fault injection: each call that enters
 * the kernel, and those for memory, goes by another name there, so that calls.c can say no in the kernel's
 * place. Nothing else changes. scripts/faultinject looks that none is missing here.
 */
#ifndef FAULTINJECTION_CALLS_H
#define FAULTINJECTION_CALLS_H

#define accept4 faulty_accept4
#define bind faulty_bind
#define calloc faulty_calloc
#define chmod faulty_chmod
#define clock_gettime faulty_clock_gettime
#define close faulty_close
#define close_range faulty_close_range
#define connect faulty_connect
#define epoll_create1 faulty_epoll_create1
#define epoll_ctl faulty_epoll_ctl
#define epoll_wait faulty_epoll_wait
#define eventfd faulty_eventfd
#define fcntl faulty_fcntl
#define free faulty_free
#define fstat faulty_fstat
#define ftruncate faulty_ftruncate
#define getpeername faulty_getpeername
#define getsockname faulty_getsockname
#define getsockopt faulty_getsockopt
#define ioctl faulty_ioctl
#define listen faulty_listen
#define lstat faulty_lstat
#define malloc faulty_malloc
#define memfd_create faulty_memfd_create
#define mmap faulty_mmap
#define munmap faulty_munmap
#define pipe2 faulty_pipe2
#define pread faulty_pread
#define pthread_create faulty_pthread_create
#define pwrite faulty_pwrite
#define realloc faulty_realloc
#define recv faulty_recv
#define recvmsg faulty_recvmsg
#define send faulty_send
#define sendmsg faulty_sendmsg
#define setsockopt faulty_setsockopt
#define shutdown faulty_shutdown
#define socket faulty_socket
#define splice faulty_splice
#define unlink faulty_unlink
#define write faulty_write

#endif
