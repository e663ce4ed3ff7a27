//! What a restored process starts: threads, children, pools of both.

use super::Site;

/// Answers with what an expression gives; a pool's functions are the script's own.
#[track_caller]
fn gives(functions: &str, expression: &str, expected: &str) {
    let site = Site::new(&format!(
        "import os\nloaded_by = os.getpid()\n{functions}\n\
         def application(environ, start_response):\n    start_response('200 OK', [])\n    \
         return [repr((loaded_by != os.getpid(), {expression})).encode()]\n"
    ));
    site.make();
    for _ in 0..2 {
        assert_eq!(
            site.restored(),
            format!("(True, {expected})"),
            "{expression}"
        );
    }
}

#[test]
fn pools_of_threads() {
    gives(
        "from concurrent.futures import ThreadPoolExecutor\n\
         def double(number): return number * 2\n\
         def pooled():\n    \
         with ThreadPoolExecutor(4) as pool: return sum(pool.map(double, range(1000)))\n\
         kept = ThreadPoolExecutor(2)",
        "pooled(), kept.submit(double, 21).result()",
        "999000, 42",
    );
}

#[test]
fn threads_wait_for_each_other() {
    gives(
        "import queue, threading\n\
         lock, turn, asked, told = threading.Lock(), threading.Condition(), queue.Queue(), queue.Queue()\n\
         local = threading.local()\nlocal.value = 'main'\n\
         def serve():\n    \
         while (item := asked.get()) is not None:\n        \
         with lock: told.put((item, hasattr(local, 'value')))\n\
         def talk():\n    threads = [threading.Thread(target=serve) for _ in range(8)]\n    \
         for thread in threads: thread.start()\n    \
         for item in range(500): asked.put(item)\n    \
         for thread in threads: asked.put(None)\n    \
         for thread in threads: thread.join()\n    \
         return len({told.get() for _ in range(500)}), threading.active_count(), local.value",
        "talk(), threading.current_thread() is threading.main_thread()",
        "(500, 1, 'main'), True",
    );
}

#[test]
fn a_threads_stack_is_as_large_as_the_limit() {
    let site = Site::new(
        "import threading\n\
         def size():\n    low = top = int(open('/proc/thread-self/syscall').read().split()[-2], 16)\n    \
         for line in open('/proc/self/maps'):\n        \
         start, end = [int(number, 16) for number in line.split()[0].split('-')]\n        \
         if start <= top < end: return (end - start) >> 20\n\
         def application(environ, start_response):\n    seen = []\n    \
         thread = threading.Thread(target=lambda: seen.append(size()))\n    \
         thread.start()\n    thread.join()\n    \
         start_response('200 OK', [])\n    return [str(seen[0] >= 31).encode()]\n",
    );
    site.make();
    let command = format!("ulimit -s 32768 && exec {}", site.script().display());
    let request = site.request().program("/bin/sh");
    assert_eq!(request.arguments(&["-c", &command]).run().text(), "True");
}

#[test]
fn an_event_loop() {
    gives(
        "import asyncio\n\
         async def child():\n    \
         started = await asyncio.create_subprocess_exec('echo', 'x', stdout=-1)\n    \
         return (await started.communicate())[0]\n\
         async def all_of_it():\n    \
         return await asyncio.gather(child(), asyncio.to_thread(sum, [1, 2]), asyncio.sleep(0, 'y'))",
        "asyncio.run(all_of_it())",
        "[b'x\\n', 3, 'y']",
    );
}

#[test]
fn pools_of_forked_processes() {
    gives(
        "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor\n\
         context = multiprocessing.get_context('fork')\n\
         def double(number): return number * 2\n\
         def pooled():\n    \
         with context.Pool(2) as pool: return sum(pool.map(double, range(100)))\n\
         def executed():\n    \
         with ProcessPoolExecutor(2, mp_context=context) as pool:\n        \
         return sum(pool.map(double, range(100)))",
        "pooled(), executed(), len(multiprocessing.active_children())",
        "9900, 9900, 0",
    );
}

#[test]
fn a_queue_to_a_process() {
    gives(
        "import multiprocessing\ncontext = multiprocessing.get_context('fork')\n\
         def serve(queue): queue.put(('from', os.getpid() != os.getppid()))\n\
         def talk():\n    queue = context.Queue()\n    \
         process = context.Process(target=serve, args=(queue,))\n    \
         process.start()\n    got = queue.get()\n    process.join()\n    \
         return got, process.exitcode",
        "talk()",
        "(('from', True), 0)",
    );
}

#[test]
fn a_process_waits_for_its_own_children() {
    gives(
        "import subprocess\n\
         def forked():\n    pids = []\n    \
         for code in range(5):\n        \
         pid = os.fork()\n        \
         if pid == 0: os._exit(code if os.getppid() == parent else 99)\n        \
         pids.append(pid)\n    \
         return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]\n\
         def nobody():\n    \
         try: os.wait()\n    except ChildProcessError: return 'nobody'\n\
         def all_of_it():\n    global parent\n    parent = os.getpid()\n    \
         piped = subprocess.run(['tr', 'a', 'b'], input=b'a' * 100000, capture_output=True)\n    \
         return forked(), piped.stdout == b'b' * 100000, nobody()",
        "all_of_it()",
        "([0, 1, 2, 3, 4], True, 'nobody')",
    );
}

#[test]
fn a_timeout_ends_code_that_ignores_signals() {
    for body in [
        // C code that takes itself up again after every signal.
        "ctypes.PyDLL(None).PyRun_SimpleString(\
         b'while True:\\n try:\\n  while True: pass\\n except BaseException: pass')",
        // The main thread waits for one that never ends.
        "threads()",
        // A child that holds on to everything.
        "subprocess.run(['sleep', '1000'])",
    ] {
        let site = Site::with_options(
            "--timeout 0.5",
            &format!(
                "import ctypes, subprocess, threading\n\
                 def threads():\n    \
                 thread = threading.Thread(target=threading.Event().wait)\n    \
                 thread.start()\n    thread.join()\n\
                 def application(environ, start_response):\n    {body}\n"
            ),
        );
        site.make();
        let request = site.request().logs("timed out after 0.5 s (--timeout)");
        let answer = request.exits(1).run();
        assert_eq!(answer.status, "504 Gateway Timeout", "{body}");
        assert_eq!(site.kept("image").len(), 1, "{body}: it is no crash");
    }
}
