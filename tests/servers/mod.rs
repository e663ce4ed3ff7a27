//! The program behind real web servers: each behaviour against each kind of server, one test a
//! pair, named `servers::KIND::BEHAVIOUR`. The behaviours are functions, grouped by file; what a
//! server makes different is said where it is asserted.

mod bodies;
mod endings;
mod flask;
mod hidden;
mod images;
mod refusals;
mod requests;
mod responses;
mod scgi;
mod stand_in;
mod suexec;
mod uploads;

use crate::harness::server::{Kind, Server, Site, available};
use crate::harness::skip;

/// Runs a behaviour where the server is installed, and says so where it is not.
fn run(kind: Kind, behaviour: fn(Kind)) {
    match available(kind) {
        Ok(()) => behaviour(kind),
        Err(reason) => skip(&reason),
    }
}

/// A server of that kind with one application from `tests/apps/server/`, and its URL.
#[track_caller]
fn serve(kind: Kind, app: &str) -> (Server, String) {
    let server = Server::start(kind, &Site::new().app(&format!("server/{app}.py")));
    let url = server.url(app);
    (server, url)
}

/// One test for each pair of a server and a behaviour.
macro_rules! on_each_server {
    ({ $($module:ident: $kind:ident),* $(,)? } $behaviours:tt) => {
        $(on_each_server!(@server $module $kind $behaviours);)*
    };
    (@server $module:ident $kind:ident { $($group:ident::$behaviour:ident),* $(,)? }) => {
        mod $module {
            $(
                #[test]
                fn $behaviour() {
                    super::run(super::Kind::$kind, super::$group::$behaviour);
                }
            )*
        }
    };
}

on_each_server! {
    {
        apache_cgid: ApacheCgid,
        apache_cgi: ApacheCgi,
        apache_action: ApacheAction,
        apache_program: ApacheProgram,
        lighttpd_hash_bang: LighttpdHashBang,
        lighttpd_interpreter: LighttpdInterpreter,
        nginx_fcgiwrap: Nginx,
        busybox_hash_bang: BusyboxHashBang,
        busybox_interpreter: BusyboxInterpreter,
        mini_httpd: MiniHttpd,
        nginx_scgi: NginxScgi,
        apache_scgi: ApacheScgi,
        lighttpd_scgi: LighttpdScgi,
    }
    {
        requests::get,
        requests::head,
        requests::bare_script_url,
        requests::path_info_with_spaces_and_utf_8,
        requests::path_info_with_an_encoded_slash,
        requests::query_without_an_equals_sign,
        requests::query_of_options_is_no_argument,
        requests::query_that_names_the_script,
        requests::valid_environ,
        bodies::post_0_bytes,
        bodies::post_1_byte,
        bodies::post_64_mib,
        bodies::post_in_chunks,
        bodies::put_with_a_length,
        bodies::chunks_of_every_kind,
        bodies::post_64_mib_unread,
        bodies::refusals_of_uploads_arrive,
        responses::redirect_to_a_url,
        responses::redirect_to_a_path,
        responses::not_modified,
        responses::two_cookies,
        responses::first_block_arrives_before_the_second_is_made,
        endings::application_error,
        endings::an_entry_names_the_request_and_has_one_time,
        endings::client_hangs_up,
        endings::whole_answers_leave_no_log,
        endings::what_nobody_can_catch_is_answered,
    }
}
