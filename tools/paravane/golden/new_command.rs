//! `paravane golden new`: a case in a folder of its own, with what it does as pending.

use super::meters::watched;
use super::options::NewCase;
use super::outcome::{MISSING, status};
use crate::arguments::{Abi, CpuName};
use crate::output::{Ended, Output, complain};
use crate::status::Status;
use ::golden::words;
use ::golden::{Case, CaseFile, Judgement, case_file, judge_and_note};
use recording::GuestOptions;
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Makes the case. A case that cannot be run leaves nothing behind.
///
/// # Errors
/// The folder has a case already or cannot be written, or a file does not exist.
pub fn new(options: &NewCase) -> Result<Status, Ended> {
    super::refuse_in_ci("new")?;
    let folder = &options.folder;
    let path = folder.join(case_file::NAME);
    let failed = |why: String| Ended::Failed(format!("{}: {why}", folder.display()));
    if path.exists() {
        return Err(failed("this is a case already: change its case.toml, or remove it first".to_owned()));
    }
    let is_new = !folder.exists();
    fs::create_dir_all(folder).map_err(|error| failed(format!("cannot make this folder: {error}")))?;
    let made = case(options).and_then(|file| {
        fs::write(&path, file.text()).map_err(|error| failed(format!("cannot write case.toml: {error}")))?;
        let mut case = Case::open(folder).map_err(Ended::Failed)?;
        let judgement = watched(&mut case, |case| judge_and_note(case).judgement);
        match judgement {
            Judgement::Failed(why) => Err(Ended::Failed(why)),
            judgement => Ok((case, judgement)),
        }
    });
    let (case, judgement) = made.inspect_err(|_| {
        let _ = fs::remove_file(&path);
        if is_new {
            let _ = fs::remove_dir(folder);
        }
    })?;
    if !matches!(judgement, Judgement::Missing(_)) {
        complain(format_args!(
            "paravane: {} is made, and nothing in it can be accepted: {}",
            case.name,
            words::line(&judgement)
        ));
        return Ok(status(&judgement));
    }
    let mut output = Output::stdout();
    let shown = folder.display();
    output.write(
        format!(
            "{}: pending. Read {shown}/expect.*.new, then: paravane golden accept {shown} --reason TEXT\n",
            case.name
        )
        .as_bytes(),
    )?;
    output.flush()?;
    Ok(MISSING)
}

fn case(options: &NewCase) -> Result<CaseFile, Ended> {
    let relative = |path: &PathBuf| relative(&options.folder, path).map_err(Ended::Failed);
    let run = match options.image.to_str() {
        Some(name) if name.starts_with("builtin:") => name.to_owned(),
        _ => relative(&options.image)?,
    };
    let mut case = CaseFile::new(run);
    case.options = GuestOptions {
        abi: options.abi.map(|abi| match abi {
            Abi::Paravane => hypervisor_core::Abi::Paravane,
            Abi::Linux => hypervisor_core::Abi::Linux,
        }),
        memory_bytes: options.memory,
        arguments: options.arguments.clone(),
        profile: options.cpu.map(CpuName::profile),
    };
    case.input = options.input.as_ref().map(relative).transpose()?;
    case.replay = options.replay.as_ref().map(relative).transpose()?;
    if let Some(most) = options.max_instructions {
        case.instructions = most;
    }
    if let Some(most) = options.max_time {
        case.time_ns = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    }
    case.limit_is_expected = options.expect_limit;
    case.symbols.clone_from(&options.symbols);
    if let Some(records) = options.require_records {
        case.least_records = records;
    }
    Ok(case)
}

/// The way from a folder to a file.
fn relative(folder: &Path, file: &Path) -> Result<String, String> {
    let absolute = |path: &Path| {
        path.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                format!("{}: there is no such file: check the path", path.display())
            }
            _ => format!("{}: {error}", path.display()),
        })
    };
    let (folder, file) = (absolute(folder)?, absolute(file)?);
    let same = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(same).map(|_| Component::ParentDir.as_os_str());
    let down = file.components().skip(same).map(Component::as_os_str);
    let parts: Vec<&OsStr> = up.chain(down).collect();
    let parts: Option<Vec<&str>> = parts.into_iter().map(OsStr::to_str).collect();
    let parts =
        parts.ok_or_else(|| format!("{}: the path is no UTF-8 text: rename the file", file.display()))?;
    Ok(parts.join("/"))
}
